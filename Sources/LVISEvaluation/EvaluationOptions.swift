import LVISDatasets

/// The overlap, the rules, the caps and the thresholds of an evaluation. The defaults are those of LVIS.
public struct EvaluationOptions: Sendable {
  /// The overlap that decides whether a detection has found an object.
  public enum IoUType: String, Sendable, CaseIterable {
    /// Intersection over union of the boxes.
    case bbox
    /// Intersection over union of the masks.
    case segm
    /// The smaller of mask IoU and boundary IoU (Cheng et al., CVPR 2021, arXiv 2103.16562).
    case boundary
  }

  /// The benchmark whose rules hold.
  public enum Rules: String, Sendable, CaseIterable {
    /// LVIS: federated labels, 300 detections an image over all classes (Gupta et al., CVPR 2019).
    case lvis
    /// COCO: every class labelled everywhere, crowds, 100 detections an image and class.
    case coco
  }

  /// The overlap that decides whether a detection has found an object; that of boxes by default.
  public var iouType: IoUType
  /// The benchmark whose rules hold; LVIS by default.
  public var rules: Rules
  /// The detections that an image may have over all classes, 300 by default; `nil` lifts the cap. COCO's rules do not
  /// look at it.
  public var maxDetectionsPerImage: Int?
  /// Fixed AP (Dave et al. 2021, arXiv 2102.01066): the detections that a class may have over all images; `nil`, the
  /// default, for no such cap. Fixed AP proper lifts the cap an image too.
  public var maxDetectionsPerCategory: Int?
  /// The IoU thresholds that AP is averaged over, at most 64, in 0...1; ten from .5 to .95 by default.
  public var iouThresholds: [Double]
  /// The ranges of area that are scored on their own, beside `AreaRange.all`; at most 15, COCO's three by default.
  public var areaRanges: [AreaRange]
  /// Whether a match with ground truth of id 0 counts; not by default. lvis-api takes 0 for "no match", and so does
  /// this.
  public var fixesIDZero: Bool
  /// Each category's frequency by its id, instead of what the ground truth states; `nil`, the default, for that.
  public var frequencies: [Int: LVISFrequency]?
  /// The groups of the classes, such as those that a classifier was trained with: adds `AP1`...`APn`. None by default.
  public var groups: CategoryGroups?
  /// Whether to keep every class's precision at the 101 recall points; not by default.
  public var keepsCurves: Bool

  /// Makes options; what is not stated is as in LVIS.
  ///
  /// Nothing is checked here; an evaluator refuses thresholds and ranges that it cannot score.
  ///
  /// - Parameters:
  ///   - iouType: The overlap that decides whether a detection has found an object.
  ///   - rules: The benchmark whose rules hold.
  ///   - maxDetectionsPerImage: The detections that an image may have; `nil` lifts the cap.
  ///   - maxDetectionsPerCategory: The detections that a class may have over all images; `nil` for no such cap.
  ///   - iouThresholds: The IoU thresholds that AP is averaged over.
  ///   - areaRanges: The ranges of area that are scored on their own.
  ///   - fixesIDZero: Whether a match with ground truth of id 0 counts.
  ///   - frequencies: Each category's frequency by its id; `nil` for what the ground truth states.
  ///   - groups: The groups of the classes; `nil` to score none.
  ///   - keepsCurves: Whether to keep every class's precision at the 101 recall points.
  public init(
    iouType: IoUType = .bbox, rules: Rules = .lvis, maxDetectionsPerImage: Int? = 300,
    maxDetectionsPerCategory: Int? = nil, iouThresholds: [Double] = Self.standardIoUThresholds,
    areaRanges: [AreaRange] = AreaRange.standard, fixesIDZero: Bool = false,
    frequencies: [Int: LVISFrequency]? = nil, groups: CategoryGroups? = nil, keepsCurves: Bool = false
  ) {
    self.iouType = iouType
    self.rules = rules
    self.maxDetectionsPerImage = maxDetectionsPerImage
    self.maxDetectionsPerCategory = maxDetectionsPerCategory
    self.iouThresholds = iouThresholds
    self.areaRanges = areaRanges
    self.fixesIDZero = fixesIDZero
    self.frequencies = frequencies
    self.groups = groups
    self.keepsCurves = keepsCurves
  }

  /// Ten thresholds from .5 to .95, to the bit as numpy's `linspace` makes them: the ninth is 0.8999999999999999.
  public static let standardIoUThresholds: [Double] = {
    let step = (0.95 - 0.5) / 9
    return (0..<10).map { $0 == 9 ? 0.95 : 0.5 + Double($0) * step }
  }()
}

/// A range of object areas, and of aspects where that is asked for, both ends inclusive.
public struct AreaRange: Sendable, Equatable {
  /// `small`, `medium` and `large` give the metrics APs, APm and APl; any other name n gives `AP_n`.
  public var name: String
  /// The areas of the range in square pixels, both ends inclusive.
  public var bounds: ClosedRange<Double>
  /// The aspects of the range, a box's width over its height, both ends inclusive; `nil`, the default, for all.
  public var aspects: ClosedRange<Double>?

  /// Makes a range from its name, its areas in square pixels and its aspects.
  public init(_ name: String, _ bounds: ClosedRange<Double>, aspects: ClosedRange<Double>? = nil) {
    self.name = name
    self.bounds = bounds
    self.aspects = aspects
  }

  /// Every object up to 10¹⁰ square pixels.
  public static let all = AreaRange("all", 0...1e10)

  /// COCO's small, medium and large: below 32², to 96², and above.
  public static let standard = [
    AreaRange("small", 0...1024), AreaRange("medium", 1024...9216), AreaRange("large", 9216...1e10),
  ]

  /// Objects at least twice as high as wide, those between, and those at least twice as wide as high.
  public static let aspects = [
    AreaRange("tall", all.bounds, aspects: 0...0.5), AreaRange("compact", all.bounds, aspects: 0.5...2),
    AreaRange("wide", all.bounds, aspects: 2 ... .infinity),
  ]

  /// What stands behind `AP` in the name of its metric.
  var suffix: String {
    switch name {
    case "all": ""
    case "small": "s"
    case "medium": "m"
    case "large": "l"
    default: "_" + name
    }
  }
}
