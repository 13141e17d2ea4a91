import BalancedGroupSoftmax

/// The labelled RoIs of a set, or the anchors of feature maps that objects are assigned to.
///
/// - Parameters:
///   - dataset: The annotations of its images.
///   - path: The set.
///   - groups: The classes.
/// - Throws: What is wrong with the set.
func examples(of dataset: LVISDataset, in path: String, groups: CategoryGroups) throws -> any LabelledImages {
  if try FeatureMapSet.isMapSet(at: path) {
    return try LabelledMapSet(
      FeatureMapSet(at: path), assignedFrom: dataset, groups: groups, threads: DefaultThreads.count)
  }
  let set = try FeatureSet(at: path)
  let labels = try set.labels(categoryIDs: groups.members.map(\.id)) ?? set.labels(assignedFrom: dataset)
  return try LabelledFeatureSet(set, labels: labels, annotations: dataset)
}
