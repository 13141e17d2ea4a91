import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadInference
import LVISDatasets
import LVISEvaluation

/// Training images put aside, with all that it takes to score a head on them: settings are chosen here, never on
/// evaluation images.
///
/// They are training images all the same: the layers below the head have seen them, and their RoIs are those that
/// training drew. A score here says which of two settings is better, not how good either will be.
public struct HeldOutImages: Sendable {
  /// The RoIs or maps of the images put aside.
  public let features: any DetectableFeatures
  /// The examples of the images that stay, with their labels, to train on.
  public let rest: any LabelledImages
  /// For every foreground group the labelled objects in the images put aside.
  public let objectCounts: [Int]
  private let dataset: LVISDataset
  private let evaluator: LVISEvaluator
  private let settings: DetectionSettings

  /// Puts images aside; see `HeldOutSplit`.
  ///
  /// - Parameters:
  ///   - source: The training examples.
  ///   - dataset: The training annotations.
  ///   - groups: The classes and their groups; r, c and f come from their image counts.
  ///   - fraction: The share to put aside, above 0 and below 1.
  ///   - seed: For the choice of images.
  ///   - settings: How scores become detections.
  /// - Throws: `FeatureSetError` if the annotations do not know an image; `EvaluationError`; `ComparisonError` if there are
  ///   too few images.
  public init(
    of source: any LabelledImages, dataset: LVISDataset, groups: CategoryGroups, fraction: Double = 0.2,
    seed: UInt64 = 0, settings: DetectionSettings = DetectionSettings()
  ) throws {
    try source.imageFeatures.checkImages(areIn: dataset)
    var generator = SeededGenerator(seed: seed).derived(for: 0x5917)
    let split = HeldOutSplit(
      ImageClasses(of: source, classCount: groups.classCount), fraction: fraction, using: &generator)
    guard !split.heldOut.isEmpty else {
      throw ComparisonError(
        .tooFewImages, "no image can be put aside: every class would lose the only image that shows it")
    }
    guard
      let features = try source.selectingImages(at: split.heldOut, annotations: dataset).imageFeatures
        as? any DetectableFeatures
    else {
      throw ComparisonError(
        .mismatchedSets, "\(source.imageFeatures.path): there is no way to detect on features of its kind")
    }
    let rest = try source.selectingImages(at: split.kept, annotations: dataset)
    let ids = Set(features.imageIDs)
    try self.init(
      features: features, rest: rest,
      dataset: LVISDataset(
        images: dataset.images.filter { ids.contains($0.id) }, categories: dataset.categories,
        annotations: dataset.annotations.filter { ids.contains($0.imageID) }), groups: groups, settings: settings)
  }

  /// Takes images that the detector never saw, and puts none of the training images aside.
  ///
  /// - Parameters:
  ///   - features: Their RoIs or maps, from the same detector.
  ///   - dataset: Their annotations.
  ///   - source: The training examples, all of which are trained on.
  ///   - groups: The classes and their groups.
  ///   - settings: How scores become detections.
  /// - Throws: `FeatureSetError` if the annotations do not know an image; `EvaluationError`; `ComparisonError` if the images
  ///   are not of the same classes and features.
  public init(
    unseen features: any DetectableFeatures, dataset: LVISDataset, trainingOn source: any LabelledImages,
    groups: CategoryGroups, settings: DetectionSettings = DetectionSettings()
  ) throws {
    try features.checkImages(areIn: dataset)
    guard features.isOfKind(of: source.imageFeatures), dataset.categories.map(\.id) == groups.members.map(\.id) else {
      throw ComparisonError(
        .mismatchedSets,
        "\(features.path): the images to choose settings on must be of the same detector and the same categories as "
          + "those that are trained on")
    }
    try self.init(features: features, rest: source, dataset: dataset, groups: groups, settings: settings)
  }

  private init(
    features: any DetectableFeatures, rest: any LabelledImages, dataset: LVISDataset, groups: CategoryGroups,
    settings: DetectionSettings
  ) throws {
    (self.features, self.rest, self.dataset) = (features, rest, dataset)
    var objectCounts = [Int](repeating: 0, count: groups.groupCount)
    for annotation in self.dataset.annotations where !annotation.isCrowd {
      if let index = groups.classIndex(ofCategory: annotation.categoryID) {
        objectCounts[groups.members[index].group] += 1
      }
    }
    self.objectCounts = objectCounts
    evaluator = try LVISEvaluator(
      groundTruth: self.dataset, options: EvaluationOptions(groups: groups, frequenciesFromCounts: true))
    self.settings = settings
  }

  /// The metrics of a head on these images: `AP`, `APr`, …, `AP1`, ….
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - boxes: Places the detections; `nil` to take the box deltas of the features.
  /// - Throws: `FeatureSetError` if head and features do not fit.
  public func evaluate(_ head: LinearHead, boxes: BoxPlacement? = nil) throws -> EvaluationResult {
    try evaluator.evaluate(
      head, boxes: boxes, on: features, clippingTo: dataset, settings: settings)
  }
}

extension HeldOutImages {
  /// The metrics of a head on these images, and on draws of them.
  func score(
    _ trained: TrainedHead, replicates count: Int, seed: UInt64
  ) throws -> (metrics: [String: Double], replicates: MetricReplicates) {
    let scored = try evaluator.score(
      trained.head, boxes: trained.boxes, on: features, clippingTo: dataset, settings: settings)
    return (scored.result.metricsByName, evaluator.replicates(of: scored, count: count, seed: seed))
  }
}
