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
  /// The RoIs of the images put aside.
  public let features: FeatureSet
  /// The RoIs of the images that stay, with their labels, to train on.
  public let rest: LabelledFeatureSet
  /// For every foreground group the labelled objects in the images put aside.
  public let objectCounts: [Int]
  private let dataset: LVISDataset
  private let evaluator: LVISEvaluator
  private let settings: DetectionSettings

  /// Puts images aside; see `HeldOutSplit`.
  ///
  /// - Parameters:
  ///   - source: The training RoIs.
  ///   - dataset: The training annotations.
  ///   - groups: The classes and their groups; r, c and f come from their image counts.
  ///   - fraction: The share to put aside, above 0 and below 1.
  ///   - seed: For the choice of images.
  ///   - settings: How scores become detections.
  /// - Throws: `FeatureSetError` if the annotations do not know an image; `EvaluationError`; `HeldOutError` if there are
  ///   too few images.
  public init(
    of source: LabelledFeatureSet, dataset: LVISDataset, groups: CategoryGroups, fraction: Double = 0.2,
    seed: UInt64 = 0, settings: DetectionSettings = DetectionSettings()
  ) throws {
    try source.features.checkImages(areIn: dataset)
    var generator = SeededGenerator(seed: seed).derived(for: 0x5917)
    let split = HeldOutSplit(
      ImageClasses(of: source, classCount: groups.classCount), fraction: fraction, using: &generator)
    guard !split.heldOut.isEmpty else {
      throw HeldOutError("no image can be put aside: every class would lose the only image that shows it")
    }
    features = source.features.selectingImages(at: split.heldOut)
    rest = try LabelledFeatureSet(
      source.features.selectingImages(at: split.kept), labels: source.labels, annotations: dataset)
    let ids = Set(features.images.map(\.id))
    self.dataset = LVISDataset(
      images: dataset.images.filter { ids.contains($0.id) }, categories: dataset.categories,
      annotations: dataset.annotations.filter { ids.contains($0.imageID) })
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
  ///   - boxRegressor: Places the detections; `nil` to take the box deltas of the features.
  /// - Throws: `FeatureSetError` if head and features do not fit.
  public func evaluate(_ head: LinearHead, boxRegressor: BoxRegressor? = nil) throws -> EvaluationResult {
    try evaluator.evaluate(
      head, boxRegressor: boxRegressor, on: features, clippingTo: dataset, settings: settings)
  }
}

/// Why images could not be put aside.
public struct HeldOutError: Error, CustomStringConvertible {
  /// One line that says what is wrong.
  public let description: String
  init(_ description: String) { self.description = description }
}
