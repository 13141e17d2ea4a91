import BalancedGroupSoftmax
import DurableFiles

/// The files that a training reads; all `nil` for the built-in synthetic set.
struct TrainingInputPaths {
  var features: String?
  var annotations: String?
  var groups: String?
  var initialHead: String?
  var miningHead: String?
  var classWeights: String?

  init(
    features: String? = nil, annotations: String? = nil, groups: String? = nil, initialHead: String? = nil,
    miningHead: String? = nil, classWeights: String? = nil
  ) {
    self.features = features
    self.annotations = annotations
    self.groups = groups
    self.initialHead = initialHead
    self.miningHead = miningHead
    self.classWeights = classWeights
  }

  /// The files that a run was trained on.
  init(of record: RunRecord) {
    self.init(
      features: record.inputs["features"]?.path, annotations: record.inputs["annotations"]?.path,
      groups: record.inputs["groups"]?.path, initialHead: record.inputs["init"]?.path,
      miningHead: record.inputs["mining-head"]?.path, classWeights: record.inputs["class-weights"]?.path)
  }

  /// The same paths, each with a mark of what is there now.
  ///
  /// - Throws: `FileError` if one cannot be read.
  func fingerprinted() throws -> [String: RunRecord.Input] {
    let paths = [
      "features": features, "annotations": annotations, "groups": groups,
      "init": initialHead.map { RunFolder.headPath(for: $0) },
      "mining-head": miningHead.map { RunFolder.headPath(for: $0) }, "class-weights": classWeights,
    ]
    return try paths.compactMapValues { $0 }.mapValues { try RunRecord.Input(path: $0) }
  }

  /// Checks that the files are what they were when a run began.
  ///
  /// - Throws: `CommandFailure` for one that is not; `FileError` if one cannot be read.
  func check(areThoseOf session: RunSession) throws {
    for (name, now) in try fingerprinted().sorted(by: { $0.key < $1.key }) where session.record.inputs[name] != now {
      throw CommandFailure(
        "\(now.path): is not what it was when \(session.folder.path) began; a resumed run would not be the same")
    }
  }

  /// Reads the heads that a training starts from.
  ///
  /// - Throws: What is wrong with one of them, its file named.
  func prerequisiteHeads(for recipe: TrainingRecipe, groups: CategoryGroups) throws -> PrerequisiteHeads {
    func head(_ path: String) throws -> LinearHead {
      try LinearHead(contentsOf: RunFolder.headPath(for: path), groups: groups)
    }
    let initial = try initialHead.map(head)
    var boxRegressor: BoxRegressor?
    if recipe.boxes != nil, let initial, let initialHead {
      boxRegressor = try BoxRegressor(
        ifIn: openTensors(at: RunFolder.headPath(for: initialHead)), groups: initial.groups)
      // Rows of other classes would be taken for those of these.
      if boxRegressor?.isClassAgnostic == false, initial.groups.members.map(\.id) != groups.members.map(\.id) {
        StandardStreams.note("\(initialHead): its box regressor is of other classes: a fresh one is trained")
        boxRegressor = nil
      }
    }
    let boxBranch =
      recipe.boxes == nil
      ? nil : try initialHead.flatMap { try BoxBranch(ifIn: openTensors(at: RunFolder.headPath(for: $0))) }
    return PrerequisiteHeads(
      initial: initial, boxRegressor: boxRegressor, boxBranch: boxBranch, mining: try miningHead.map(head))
  }

  /// Says which classes a head to start from does not have.
  func describeNewClasses(of groups: CategoryGroups, in heads: PrerequisiteHeads, for recipe: TrainingRecipe) throws {
    guard let initial = heads.initial, let initialHead else { return }
    do {
      let new = try recipe.newClasses(of: groups, startingFrom: initial)
      guard !new.isEmpty else { return }
      StandardStreams.note(
        "\(initialHead): lacks \(grouped(new.count)) of the \(grouped(groups.classCount)) classes, which start afresh: "
          + listed(new.map { "\($0.name) (\($0.id))" }))
    } catch let error as LinearHeadError {
      throw error.inFile(RunFolder.headPath(for: initialHead))
    }
  }

  /// Reads them.
  ///
  /// - Parameters:
  ///   - grouping: The groups to use; `nil` to take them from the groups file or the annotations.
  ///   - boundaries: Where annotations are divided into groups.
  /// - Throws: What is wrong with one of them.
  func load(
    grouping: CategoryGroups? = nil, boundaries: GroupBoundaries = .usual
  ) throws -> TrainingInputs {
    guard let features else { return try builtInSet(grouping: grouping, boundaries: boundaries) }
    if try FeatureMapSet.isMapSet(at: features) {
      return try loadMaps(features, grouping: grouping, boundaries: boundaries)
    }
    let set = try FeatureSet(at: features)
    // Annotations of whole images, as iNaturalist's, have no boxes.
    let dataset = try annotations.map { try LVISDataset(contentsOf: $0, including: set.hasBoxes ? .boxes : []) }
    if let dataset { try checkImages(of: set, are: dataset) }
    let groups = try grouping ?? self.grouping(dataset, boundaries: boundaries)
    if let dataset, dataset.categories.map(\.id) != groups.members.map(\.id) {
      throw CommandFailure(
        "\(self.groups ?? "groups.json"): its \(groups.classCount) categories are not the "
          + "\(dataset.categories.count) of \(annotations ?? "the annotations"); make it anew with `bags group`")
    }
    let source = try LabelledFeatureSet(
      set, labels: try labels(of: set, groups: groups, dataset: dataset), annotations: dataset)
    return TrainingInputs(
      source: source, groups: groups, dataset: dataset, findings: try source.trainingFindings(with: dataset))
  }

  /// - Throws: `CommandFailure` where the annotations list images and none of them has RoIs: they are another split's.
  private func checkImages(of set: FeatureSet, are dataset: LVISDataset) throws {
    guard !dataset.images.isEmpty, let first = set.images.first else { return }
    let known = Set(dataset.images.map(\.id))
    guard !set.images.contains(where: { known.contains($0.id) }) else { return }
    throw CommandFailure(
      "\(set.path): image \(first.id), and every other that there are RoIs of, is not in \(annotations ?? "the annotations"); "
        + "are they of another split?")
  }

  /// Reads feature maps; the objects of the annotations are assigned to their anchors.
  private func loadMaps(
    _ path: String, grouping: CategoryGroups?, boundaries: GroupBoundaries
  ) throws -> TrainingInputs {
    let maps = try FeatureMapSet(at: path)
    guard let annotations else {
      throw CommandFailure("\(path): anchors take their labels from --annotations; give those of its images")
    }
    let dataset = try LVISDataset(contentsOf: annotations)
    let groups = try grouping ?? self.grouping(dataset, boundaries: boundaries)
    guard dataset.categories.map(\.id) == groups.members.map(\.id) else {
      throw CommandFailure(
        "\(self.groups ?? "groups.json"): its \(groups.classCount) categories are not the "
          + "\(dataset.categories.count) of \(annotations); make it anew with `bags group`")
    }
    let source = try LabelledMapSet(maps, assignedFrom: dataset, groups: groups, threads: DefaultThreads.count)
    guard source.foregroundCount > 0 else {
      throw CommandFailure("\(path): no object of \(annotations) lies on an anchor; are they of other images?")
    }
    return TrainingInputs(
      source: source, groups: groups, dataset: dataset,
      findings: dataset.trainingFindings)
  }

  private func grouping(_ dataset: LVISDataset?, boundaries: GroupBoundaries) throws -> CategoryGroups {
    if let groups { return try CategoryGroups(contentsOf: groups) }
    guard let dataset else { throw CommandFailure("give --annotations or --groups") }
    return try CategoryGroups(counts: try dataset.categoryCounts(), boundaries: boundaries)
  }

  private func labels(of set: FeatureSet, groups: CategoryGroups, dataset: LVISDataset?) throws -> RoILabels {
    if let stated = try set.labels(categoryIDs: groups.members.map(\.id)) { return stated }
    guard let dataset else {
      let way = set.kind == .rois ? "; give --annotations to assign them by overlap (IoU >= .5)" : ""
      throw CommandFailure("\(set.path): has no labels" + way)
    }
    return try set.labels(assignedFrom: dataset)
  }

  private func builtInSet(grouping: CategoryGroups?, boundaries: GroupBoundaries) throws -> TrainingInputs {
    StandardStreams.note(
      "no --features: training on the built-in synthetic set; `bags demo` shows the whole path on it")
    let training = SyntheticDetectionSet().training
    return TrainingInputs(
      source: training.source,
      groups: try grouping ?? CategoryGroups(counts: training.dataset.categoryCounts(), boundaries: boundaries),
      dataset: training.dataset, findings: [])
  }
}

/// The examples, classes and files of a training.
struct TrainingInputs {
  let source: any RoISource
  let groups: CategoryGroups
  /// The annotations; `nil` where there are none.
  let dataset: LVISDataset?
  /// What is odd about them.
  let findings: [DataFinding]

  /// M; see `TrainingRecipe.trainer`.
  var imageCount: Int { dataset?.images.count ?? source.imageCount }
}

extension TrainingInputs {
  /// What settings are tuned on.
  ///
  /// - Throws: `CommandFailure` where there are no annotations.
  func tuningData() throws -> TuningData {
    guard let dataset else {
      throw CommandFailure("--learning-rate auto needs --annotations: held-out images are scored by their objects")
    }
    if let source = source as? any LabelledImages {
      return TuningData(source: source, dataset: dataset, groups: groups)
    }
    // The built-in set is in memory; scoring reads files, which stay mapped when their names are gone.
    return try TemporaryFiles.withFolder { folder in
      try SyntheticDetectionSet().write(to: folder)
      let features = try FeatureSet(at: "\(folder)/\(SyntheticDetectionSet.FileName.trainingFeatures)")
      let labels = try features.labels(categoryIDs: groups.members.map(\.id)) ?? features.labels(assignedFrom: dataset)
      return TuningData(
        source: try LabelledFeatureSet(features, labels: labels, annotations: dataset), dataset: dataset,
        groups: groups)
    }
  }
}
