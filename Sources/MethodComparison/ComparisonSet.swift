import DetectionHeads
import DurableFiles
import FeatureSets
import HeadInference
import LVISDatasets
import LVISEvaluation
import TrainingRuns

/// The data of a comparison: opened once, its labels assigned once, shared by all methods and seeds.
public struct ComparisonSet: Sendable {
  /// The training RoIs, or the anchors of feature maps, and their labels.
  public let source: any LabelledImages
  /// The annotations of the training images.
  public let training: LVISDataset
  /// The classes and their groups.
  public let groups: CategoryGroups
  /// The RoIs or maps to score on.
  public let validationFeatures: any DetectableFeatures
  /// The annotations to score on.
  public let validation: LVISDataset
  /// The thresholds by which scores become detections.
  public let detection: DetectionSettings
  /// Marks by which the training files are known again, by their option names; empty for a set that no file holds.
  public let trainingInputs: [String: RunRecord.Input]
  /// Marks by which the validation files are known again, by their option names; empty for a set that no file holds.
  public let validationInputs: [String: RunRecord.Input]
  /// Images that the detector never saw, to choose settings on; `nil` to hold out training images.
  public var tuningImages: TuningData.UnseenImages?
  /// Whether r, c and f come from training images, the annotations to score on stating none.
  public let hasDerivedFrequencies: Bool
  private let evaluator: LVISEvaluator

  /// Puts a comparison's data together.
  ///
  /// - Parameters:
  ///   - source: The training examples and their labels.
  ///   - training: The training annotations.
  ///   - groups: The classes and their groups.
  ///   - validationFeatures: The RoIs or maps to score on.
  ///   - validation: The annotations to score on.
  ///   - detection: How scores become detections.
  ///   - trainingInputs: Marks of the training files, by their option names.
  ///   - validationInputs: Marks of the validation files.
  /// - Throws: `FeatureSetError` if the sets do not belong together; `EvaluationError`; `ComparisonError` if the classes
  ///   of training and validation are not the same.
  public init(
    source: any LabelledImages, training: LVISDataset, groups: CategoryGroups,
    validationFeatures: any DetectableFeatures, validation: LVISDataset,
    detection: DetectionSettings = DetectionSettings(),
    trainingInputs: [String: RunRecord.Input] = [:], validationInputs: [String: RunRecord.Input] = [:]
  ) throws {
    guard validation.categories.map(\.id) == groups.members.map(\.id) else {
      throw ComparisonError(
        .mismatchedSets,
        "the \(validation.categories.count) categories of the validation annotations are not the \(groups.classCount) "
          + "that are trained; both must be of the same data set")
    }
    let features = source.imageFeatures
    guard validationFeatures.isOfKind(of: features) else {
      throw ComparisonError(
        .mismatchedSets,
        "\(validationFeatures.path) is \(validationFeatures.kindText), but \(features.path) \(features.kindText); both must "
          + "come from the same detector")
    }
    guard source.stageCount == 1 else {
      throw ComparisonError(
        .mismatchedSets,
        "\(features.path): has features of \(source.stageCount) stages; a comparison trains one "
          + "classifier, so give it the features of one stage")
    }
    try validationFeatures.checkImages(areIn: validation)
    try features.checkImages(areIn: training)
    self.source = source
    self.training = training
    self.groups = groups
    self.validationFeatures = validationFeatures
    self.validation = validation
    self.detection = detection
    self.trainingInputs = trainingInputs
    self.validationInputs = validationInputs
    hasDerivedFrequencies = validation.categories.allSatisfy { $0.frequency == nil }
    evaluator = try LVISEvaluator(
      groundTruth: validation,
      options: EvaluationOptions(groups: groups, frequenciesFromCounts: hasDerivedFrequencies))
  }

  /// What methods are trained and tuned on.
  var trainingData: TuningData {
    TuningData(
      source: source, dataset: training, groups: groups, detection: detection, inputs: trainingInputs,
      unseen: tuningImages)
  }

  /// Scores a head on the validation images.
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - boxes: Places the detections; `nil` to take the box deltas of the features.
  /// - Throws: `FeatureSetError` if a number is not finite.
  public func score(_ head: LinearHead, boxes: BoxPlacement? = nil) throws -> ScoredDetections {
    try evaluator.score(
      head, boxes: boxes, on: validationFeatures, clippingTo: validation, settings: detection)
  }

  /// Scores a head and keeps what it detects.
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - boxes: Places the detections; `nil` to take the box deltas of the features.
  ///   - detections: Gets the detections, image after image by ascending id.
  /// - Throws: `FeatureSetError` if a number is not finite.
  func score(
    _ head: LinearHead, boxes: BoxPlacement?, keeping detections: inout DetectionColumns
  ) throws -> ScoredDetections {
    try evaluator.score(
      head, boxes: boxes, on: validationFeatures, clippingTo: validation, settings: detection
    ) { for one in $0 { detections.append(one) } }
  }

  /// Metrics of what was scored on validation images drawn with replacement, the same draws for every head.
  public func replicates(of scored: ScoredDetections, count: Int) -> MetricReplicates {
    evaluator.replicates(of: scored, count: count)
  }

  /// A digest of what heads are scored on, and how.
  func validationDigest() throws -> String {
    struct Scoring: Encodable {
      let version: Int
      let inputs: [String: String]
      let groups: String
      let hasDerivedFrequencies: Bool
      let detection: [String]
    }
    let detection =
      try (validationFeatures as? FeatureSet).map { try self.detection.resolved(for: $0) } ?? self.detection
    return try FNVHash.digest(
      of: Scoring(
        version: 1, inputs: validationInputs.mapValues(\.fingerprint), groups: try groups.json(),
        hasDerivedFrequencies: hasDerivedFrequencies,
        detection: [
          "\(detection.scoreThreshold)", "\(detection.suppressionIoU)", "\(detection.maximumPerImage)",
          "\(detection.boxCoder)",
        ] + (detection.takesBestClass ? ["best class"] : [])
          + (detection.candidatesPerLevel == 1000 ? [] : ["per level \(detection.candidatesPerLevel)"])
          + (detection.minimumSize == 0 ? [] : ["from \(detection.minimumSize)"])))
  }
}

/// Why methods cannot be compared, or tried on images that are put aside.
public struct ComparisonError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// What is written of a method, or of what is tuned, makes no sense.
    case badText
    /// A method cannot be trained or calibrated on this set.
    case badRecipe
    /// The sets to train and to score on do not belong together.
    case mismatchedSets
    /// The detector's own head is compared with, or started from, and not there.
    case missingHead
    /// No image can be put aside, or those put aside hold too few objects.
    case tooFewImages
    /// The file of a trial cannot be understood.
    case unreadableTrial
    /// Training diverged, whatever the learning rate.
    case diverged
    /// No comparison stands in a folder.
    case noComparison
  }

  /// The kind of fault.
  public let code: Code
  /// One line that says what is wrong and what to do.
  public let description: String

  /// Makes an error from the line that says what is wrong.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
