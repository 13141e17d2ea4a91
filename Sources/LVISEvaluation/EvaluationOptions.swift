import LVISDatasets

/// What an evaluation measures, and how. The defaults are those of LVIS.
public struct EvaluationOptions: Sendable {
  /// What overlap decides whether a detection has found an object.
  public enum IoUType: String, Sendable, CaseIterable {
    /// Intersection over union of the boxes.
    case bbox
    /// Intersection over union of the masks.
    case segm
    /// The smaller of mask IoU and boundary IoU (Cheng et al., CVPR 2021, arXiv 2103.16562).
    case boundary
  }

  /// Whose rules hold.
  public enum Rules: String, Sendable, CaseIterable {
    /// LVIS: federated labels, 300 detections an image over all classes (Gupta et al., CVPR 2019).
    case lvis
    /// COCO: every class labelled everywhere, crowds, 100 detections an image and class.
    case coco
  }

  /// What overlap counts.
  public var iouType: IoUType
  /// Whose rules hold.
  public var rules: Rules
  /// How many detections an image may have over all classes; `nil` lifts the cap. COCO's rules do not look at it.
  public var maxDetectionsPerImage: Int? = 300
  /// Fixed AP (Dave et al. 2021, arXiv 2102.01066): how many detections a class may have over all images; `nil` for no
  /// such cap. Fixed AP proper lifts the cap an image too.
  public var maxDetectionsPerCategory: Int?
  /// The IoU thresholds that AP is averaged over, at most 64, in 0...1.
  public var iouThresholds: [Double] = Self.standardIoUThresholds
  /// The ranges of area that are scored on their own, beside `AreaRange.all`; at most 15.
  public var areaRanges: [AreaRange] = AreaRange.standard
  /// Whether a match with ground truth of id 0 counts. The reference implementation takes 0 for "no match"; by default
  /// this does the same.
  public var fixesIDZero = false
  /// Each category's frequency, instead of what the ground truth states.
  public var frequencies: [Int: LVISFrequency]?
  /// The groups of the classes, such as those that a classifier was trained with: adds `AP1`...`APn`.
  public var groups: CategoryGroups?
  /// Whether to keep every class's precision at the 101 recall points.
  public var keepsCurves = false

  /// Makes options, everything else being as in LVIS.
  public init(iouType: IoUType = .bbox, rules: Rules = .lvis) {
    self.iouType = iouType
    self.rules = rules
  }

  /// Ten thresholds from .5 to .95, to the bit as numpy's `linspace` makes them: the ninth is 0.8999999999999999.
  public static let standardIoUThresholds: [Double] = {
    let step = (0.95 - 0.5) / 9
    return (0..<10).map { $0 == 9 ? 0.95 : 0.5 + Double($0) * step }
  }()
}

/// A range of object areas, both ends inclusive.
public struct AreaRange: Sendable, Equatable {
  /// `small`, `medium` and `large` give the metrics APs, APm and APl; any other name n gives `AP_n`.
  public var name: String
  /// In square pixels.
  public var bounds: ClosedRange<Double>

  /// Makes a range.
  public init(_ name: String, _ bounds: ClosedRange<Double>) {
    self.name = name
    self.bounds = bounds
  }

  /// Every object up to 10¹⁰ square pixels.
  public static let all = AreaRange("all", 0...1e10)

  /// COCO's small, medium and large: below 32², to 96², and above.
  public static let standard = [
    AreaRange("small", 0...1024), AreaRange("medium", 1024...9216), AreaRange("large", 9216...1e10),
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
