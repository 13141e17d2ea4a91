import ArgumentParser
import DetectionHeads
import LVISDatasets

/// Where the RoIs, their labels and the groups of a training come from.
struct TrainingInputOptions: ParsableArguments {
  @Option(help: .init("A feature set: a folder of safetensors shards.", valueName: "folder"))
  var features: String?

  @Option(
    help: .init(
      "Training annotations, LVIS or COCO JSON: counts for the groups, and labels where the features have none.",
      valueName: "file"))
  var annotations: String?

  @Option(help: .init("Groups that `bags group` made; else they are made from the annotations.", valueName: "file"))
  var groups: String?

  @Option(
    name: .customLong("init"),
    help: .init("A head to start from; class rows of a softmax head go to their group slots.", valueName: "run|head"))
  var initialHead: String?

  func validate() throws {
    if features == nil && (annotations != nil || groups != nil) {
      throw ValidationError("--annotations and --groups need --features: the built-in set has its own")
    }
    if features != nil && annotations == nil && groups == nil {
      throw ValidationError("--features needs --annotations or --groups, for the instance counts of the classes")
    }
  }

  /// - Throws: What is wrong with an input.
  func load() throws -> TrainingInputs {
    guard let features else { return try builtInSet() }
    let set = try FeatureSet(at: features)
    var inputs = ["features": try RunRecord.Input(path: features)]
    var dataset: LVISDataset?
    if let annotations {
      dataset = try LVISDataset(contentsOf: annotations)
      inputs["annotations"] = try RunRecord.Input(path: annotations)
    }
    let grouping: CategoryGroups
    if let groups {
      grouping = try CategoryGroups(contentsOf: groups)
      inputs["groups"] = try RunRecord.Input(path: groups)
    } else if let dataset {
      grouping = try CategoryGroups(counts: try dataset.categoryCounts())
    } else {
      throw CommandFailure("give --annotations or --groups")
    }
    if let dataset { try check(dataset, against: grouping) }
    if let initialHead { inputs["init"] = try RunRecord.Input(path: RunFolder.headPath(for: initialHead)) }
    let labels = try labels(of: set, groups: grouping, dataset: dataset)
    return TrainingInputs(
      source: try LabelledFeatureSet(set, labels: labels), roiCount: set.roiCount, groups: grouping, inputs: inputs,
      warnings: (dataset?.warnings ?? []).map { "\(annotations ?? ""): \($0)" })
  }

  private func labels(of set: FeatureSet, groups: CategoryGroups, dataset: LVISDataset?) throws -> RoILabels {
    if let stated = try set.labels(categoryIDs: groups.members.map(\.id)) { return stated }
    guard let dataset else {
      throw CommandFailure("\(set.path): has no labels; give --annotations to assign them by overlap (IoU >= .5)")
    }
    return try set.labels(assignedFrom: dataset)
  }

  /// Labels are class indices, so groups and annotations must list the same categories.
  private func check(_ dataset: LVISDataset, against grouping: CategoryGroups) throws {
    guard let groups, dataset.categories.map(\.id) != grouping.members.map(\.id) else { return }
    throw CommandFailure(
      "\(groups): its \(grouping.classCount) categories are not the \(dataset.categories.count) of the annotations; "
        + "make it anew with `bags group`")
  }

  private func builtInSet() throws -> TrainingInputs {
    throw CommandFailure("give --features and --annotations")
  }
}

/// What training reads.
struct TrainingInputs {
  let source: any RoISource
  let roiCount: Int
  let groups: CategoryGroups
  /// The files read, by their option names.
  let inputs: [String: RunRecord.Input]
  let warnings: [String]
}
