import FeatureSets
import Foundation
import LVISDatasets
import SyntheticData
import TestSupport

/// A synthetic set that methods train on in a fraction of a second, opened from files as a user's would be.
struct SmallComparisonSet {
  let training: LVISDataset
  let validation: LVISDataset
  let groups: CategoryGroups
  let source: LabelledFeatureSet
  let validationFeatures: FeatureSet

  /// Writes and opens it.
  ///
  /// - Parameter body: Given the set, whose files are gone afterwards.
  static func with<Result>(_ body: (SmallComparisonSet, _ folder: String) throws -> Result) throws -> Result {
    try withTemporaryFolder { folder in
      let set = SyntheticDetectionSet(seed: 5, configuration: .small)
      try set.write(to: folder)
      return try body(try SmallComparisonSet(set, in: folder), folder)
    }
  }

  private init(_ set: SyntheticDetectionSet, in folder: String) throws {
    training = set.training.dataset
    validation = set.validation.dataset
    groups = try CategoryGroups(counts: training.categoryCounts())
    let features = try FeatureSet(at: "\(folder)/\(SyntheticDetectionSet.FileName.trainingFeatures)")
    source = try LabelledFeatureSet(features, labels: try features.labels(assignedFrom: training))
    validationFeatures = try FeatureSet(at: "\(folder)/\(SyntheticDetectionSet.FileName.validationFeatures)")
  }
}
