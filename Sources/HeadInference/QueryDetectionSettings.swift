import FeatureSets

/// How queries become detections: without suppression, the best of queries × classes of an image, as of the detectors with
/// a sigmoid for each class, or each query's best class, as of DETR.
///
/// What is `nil` is as the set's metadata says (`per_query`, `score_threshold`, `nms_iou`, `max_detections`), and where that
/// says nothing: all classes, every score above 0, no suppression, 300 detections an image.
public struct QueryDetectionSettings: Sendable, Hashable {
  /// The classes of a query that become detections.
  public enum Classes: String, Sendable, Hashable, CaseIterable {
    /// The class with the highest score; of equal ones the first.
    case best
    /// Every class.
    case all
  }

  /// The classes of a query that become detections.
  public var classes: Classes?
  /// The score above which a class is a candidate.
  public var scoreThreshold: Float?
  /// The IoU above which a box suppresses lower-scored ones of its class; 1 suppresses nothing.
  public var suppressionIoU: Double?
  /// The detections kept of an image, by score over all classes.
  public var maximumPerImage: Int?

  /// Makes settings; all as the set says unless stated.
  public init(
    classes: Classes? = nil, scoreThreshold: Float? = nil, suppressionIoU: Double? = nil, maximumPerImage: Int? = nil
  ) {
    self.classes = classes
    self.scoreThreshold = scoreThreshold
    self.suppressionIoU = suppressionIoU
    self.maximumPerImage = maximumPerImage
  }
}

extension DetectionSettings {
  /// The settings that hold for a set: those of queries, for a set of these.
  ///
  /// - Throws: `FeatureSetError` if its metadata makes no sense.
  package func resolved(for set: FeatureSet) throws -> DetectionSettings {
    guard set.kind == .queries else { return self }
    func stated<Value>(_ key: String, _ expected: String, _ parse: (String) -> Value?) throws -> Value? {
      try set.metadata[key].map { text in
        guard let value = parse(text) else {
          throw FeatureSetError(
            path: set.path, code: .metadata, detail: "the metadata says \(key) '\(text)'; \(expected) is expected")
        }
        return value
      }
    }
    let classes = try stated("per_query", "best or all", QueryDetectionSettings.Classes.init(rawValue:))
    let threshold = try stated("score_threshold", "a number from 0, below 1,") {
      Float($0).flatMap { (0..<1).contains($0) ? $0 : nil }
    }
    let overlap = try stated("nms_iou", "a number from 0 to 1") {
      Double($0).flatMap { (0...1).contains($0) ? $0 : nil }
    }
    let maximum = try stated("max_detections", "a number from 1 to 1000000") {
      Int($0).flatMap { (1...1_000_000).contains($0) ? $0 : nil }
    }
    var settings = self
    settings.takesBestClass = (queries.classes ?? classes) == .best
    settings.scoreThreshold = queries.scoreThreshold ?? threshold ?? 0
    settings.suppressionIoU = queries.suppressionIoU ?? overlap ?? 1
    settings.maximumPerImage = queries.maximumPerImage ?? maximum ?? 300
    return settings
  }
}
