import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// The features and annotations that a comparison trains and scores on.
struct ComparisonInputOptions: ParsableArguments {
  @Option(help: .init("The training features: a folder of safetensors shards.", valueName: "folder"))
  var features: String?

  @Option(help: .init("The training annotations, LVIS or COCO JSON.", valueName: "file"))
  var annotations: String?

  @Flag(help: "With no --features: compare on the built-in feature maps of a dense detector.")
  var dense = false

  @Option(
    help: .init(
      "Groups that `bags group` made, or boundaries such as 10,100,1000 (the default) or auto:4 to make them here.",
      valueName: "file|counts|auto:N"))
  var groups: String?

  @Option(help: .init("The validation features, from the same detector.", valueName: "folder"))
  var val: String?

  @Option(help: .init("The validation annotations.", valueName: "file"))
  var valAnnotations: String?

  @Option(
    name: .customLong("init"),
    help: .init(
      "The detector's own head: the first row, what trainings start from, and what differences are to.",
      valueName: "run|head"),
    completion: .file())
  var initialHead: String?

  func validate() throws {
    if dense && features != nil {
      throw ValidationError("--dense names the built-in set; --features says itself what it is")
    }
    let given = [
      ("--features", features), ("--annotations", annotations), ("--val", val), ("--val-annotations", valAnnotations),
    ]
    let missing = given.filter { $0.1 == nil }.map(\.0)
    guard missing.isEmpty || missing.count == given.count else {
      throw ValidationError(
        "\(missing.joined(separator: ", ")) \(missing.count == 1 ? "is" : "are") missing: give all of --features, "
          + "--annotations, --val and --val-annotations, or none of them for the built-in synthetic set")
    }
    if features == nil, let groups, GroupBoundaries(groups) == nil {
      throw ValidationError("a groups file needs --features: the built-in set has its own classes")
    }
  }

  /// Opens everything once.
  ///
  /// - Throws: What is wrong with one of the files.
  func load(detection: DetectionSettings) throws -> ComparisonSet {
    guard let features, let annotations, let val, let valAnnotations else { return try builtInSet(detection) }
    let training = try LVISDataset(contentsOf: annotations)
    let validation = try LVISDataset(contentsOf: valAnnotations)
    StandardStreams.show(validation.findings())
    var trainingPaths = ["features": features, "annotations": annotations]
    if let groups, GroupBoundaries(groups) == nil { trainingPaths["groups"] = groups }
    let trainingInputs = try trainingPaths.mapValues { try RunRecord.Input(path: $0) }
    let validationInputs = try ["val": val, "val-annotations": valAnnotations].mapValues {
      try RunRecord.Input(path: $0)
    }
    if trainingInputs["features"]?.fingerprint == validationInputs["val"]?.fingerprint {
      StandardStreams.warn("\(val): is what is trained on; scores there say nothing about new images")
    }
    let set = try comparisonSet(
      features: features, training: training, val: val, validation: validation, detection: detection,
      trainingInputs: trainingInputs, validationInputs: validationInputs)
    if let rois = set.source as? LabelledFeatureSet {
      StandardStreams.show(try rois.trainingFindings(with: training))
    } else {
      StandardStreams.show(training.trainingFindings)
    }
    if let rois = set.validationFeatures as? FeatureSet {
      StandardStreams.show(try rois.findings(against: validation))
    }
    if set.hasDerivedFrequencies {
      StandardStreams.warn(
        "\(valAnnotations): states no frequencies; APr, APc and APf go by the images of the training annotations")
    }
    return set
  }

  private func comparisonSet(
    features: String, training: LVISDataset, val: String, validation: LVISDataset, detection: DetectionSettings,
    trainingInputs: [String: RunRecord.Input], validationInputs: [String: RunRecord.Input]
  ) throws -> ComparisonSet {
    let grouping = try categoryGroups(training)
    guard training.categories.map(\.id) == grouping.members.map(\.id) else {
      throw CommandFailure(
        "\(groups ?? "groups.json"): its \(grouping.classCount) categories are not the "
          + "\(training.categories.count) of \(annotations ?? "the annotations"); make it anew with `bags group`")
    }
    return try ComparisonSet(
      source: examples(of: training, in: features, groups: grouping), training: training, groups: grouping,
      validationFeatures: openFeatures(at: val), validation: validation, detection: detection,
      trainingInputs: trainingInputs, validationInputs: validationInputs)
  }

  /// Reads the detector's own head.
  ///
  /// - Throws: `CommandFailure` where it does not fit the data.
  func ownHead(for set: ComparisonSet) throws -> OwnHead? {
    try initialHead.map { try OwnHead(named: $0, groups: set.groups, featureCount: set.source.featureCount) }
  }

  private func categoryGroups(_ training: LVISDataset) throws -> CategoryGroups {
    if let groups, GroupBoundaries(groups) == nil { return try CategoryGroups(contentsOf: groups) }
    return try CategoryGroups(
      counts: training.categoryCounts(),
      boundaries: groups.flatMap { GroupBoundaries($0) } ?? .counts([10, 100, 1000]))
  }

  private func builtInSet(_ detection: DetectionSettings) throws -> ComparisonSet {
    StandardStreams.note(
      "no --features: comparing on the built-in synthetic set, which shows mechanisms and predicts no real detector")
    // The shards are mapped when they are opened and stay readable without their names.
    return try TemporaryFiles.withFolder { folder in
      let (training, validation): (LVISDataset, LVISDataset)
      if dense {
        let set = SyntheticMapSet()
        try set.write(to: folder)
        (training, validation) = (set.training.dataset, set.validation.dataset)
      } else {
        let set = SyntheticDetectionSet()
        try set.write(to: folder)
        (training, validation) = (set.training.dataset, set.validation.dataset)
      }
      return try comparisonSet(
        features: "\(folder)/\(SyntheticDetectionSet.FileName.trainingFeatures)", training: training,
        val: "\(folder)/\(SyntheticDetectionSet.FileName.validationFeatures)", validation: validation,
        detection: detection, trainingInputs: [:], validationInputs: [:])
    }
  }
}
