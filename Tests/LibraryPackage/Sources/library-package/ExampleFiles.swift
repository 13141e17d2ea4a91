import BalancedGroupSoftmax

/// A small synthetic set under the names that the guides use, in the current folder.
struct ExampleFiles {
  private static let training = "lvis_v1_train.json"
  private static let validation = "lvis_v1_val.json"

  /// 12 classes with up to 150 objects in 120 images, 16 features.
  private let set: SyntheticDetectionSet = {
    var configuration = SyntheticDetectionSet.Configuration()
    configuration.familyCount = 4
    configuration.classesPerFamily = 3
    configuration.largestInstanceCount = 150
    configuration.trainingImageCount = 120
    configuration.validationImageCount = 30
    configuration.minimumValidationInstances = 3
    configuration.featureLength = 16
    return SyntheticDetectionSet(configuration: configuration)
  }()

  /// Writes annotations and features.
  func write() throws {
    try set.write(to: "features")
    try set.training.dataset.write(to: Self.training)
    try set.validation.dataset.write(to: Self.validation)
  }

  /// The same files as the data of a comparison.
  static func comparisonSet() throws -> ComparisonSet {
    let training = try LVISDataset(contentsOf: training)
    let features = try FeatureSet(at: "features/train")
    return try ComparisonSet(
      source: LabelledFeatureSet(features, labels: features.labels(assignedFrom: training)), training: training,
      groups: CategoryGroups(counts: training.categoryCounts()), validationFeatures: FeatureSet(at: "features/val"),
      validation: LVISDataset(contentsOf: validation))
  }

  /// Writes the detections of a head as a results file.
  static func writeResults(of head: LinearHead, to path: String) throws {
    var text = DetectionResultsText()
    for detection in try head.detections(for: FeatureSet(at: "features/val")) {
      let box = detection.box
      text.add(
        imageID: detection.imageID, categoryID: detection.categoryID,
        box: SIMD4(Float(box.x), Float(box.y), Float(box.width), Float(box.height)), score: Float(detection.score))
    }
    let writer = try DetectionResultsWriter(at: path)
    try writer.append(text)
    try writer.commit()
  }
}
