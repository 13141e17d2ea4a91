import FeatureSets
import HeadTraining
import LVISDatasets
import MethodComparison
import SyntheticData
import TestSupport

/// A synthetic set of feature maps that methods train on in seconds, opened from files as a user's would be.
struct SmallMapComparisonSet {
  let training: LVISDataset
  let validation: LVISDataset
  let groups: CategoryGroups
  let source: LabelledMapSet
  let validationFeatures: FeatureMapSet

  /// Writes and opens it.
  ///
  /// - Parameter body: Given the set, whose files are gone afterwards.
  static func with<Result>(_ body: (SmallMapComparisonSet, _ folder: String) throws -> Result) throws -> Result {
    try withTemporaryFolder { folder in
      let set = SyntheticMapSet(seed: 5, configuration: .small)
      try set.write(to: folder)
      return try body(try SmallMapComparisonSet(set, in: folder), folder)
    }
  }

  private init(_ set: SyntheticMapSet, in folder: String) throws {
    training = set.training.dataset
    validation = set.validation.dataset
    groups = try CategoryGroups(counts: training.categoryCounts())
    source = try LabelledMapSet(
      FeatureMapSet(at: "\(folder)/\(SyntheticDetectionSet.FileName.trainingFeatures)"), assignedFrom: training,
      groups: groups)
    validationFeatures = try FeatureMapSet(at: "\(folder)/\(SyntheticDetectionSet.FileName.validationFeatures)")
  }

  /// As a comparison's data.
  func comparisonSet() throws -> ComparisonSet {
    try ComparisonSet(
      source: source, training: training, groups: groups, validationFeatures: validationFeatures,
      validation: validation)
  }
}
