import BalancedGroupSoftmax

extension TrainCommand {
  /// The trainer of a run, from its record and its inputs alone: so a run that goes on is the same.
  func makeTrainer(
    _ method: TrainingMethod, record: RunRecord, data: TrainingInputs, paths: TrainingInputPaths
  ) throws -> HeadTrainer {
    let settings = record.settings
    let stage = method.objective(
      MethodData(groups: data.groups, imageCount: data.imageCount),
      try MethodParameters(record.methodParameters, of: method))
    let architecture = record.architecture ?? HeadArchitecture()
    if let fault = architecture.fault(
      with: stage, setStages: data.stageCount, inputs: data.source.featureCount)
    {
      throw CommandFailure("\(method.name): \(fault)")
    }
    let objective = architecture.objective(stage)
    var generator = SeededGenerator(seed: settings.seed)
    var head = LinearHead(
      inputs: data.source.featureCount, hiddenOutputs: architecture.hidden, layout: objective.layout,
      groups: data.groups, method: method.name, using: &generator)
    (objective as? any HeadInitializingObjective)?.initialize(&head)
    if let path = paths.initialHead {
      let initial = try readHead(path, groups: data.groups)
      try naming(path) { try head.copyClasses(from: initial) }
    }
    let miningHead = try paths.miningHead.map { try readHead($0, groups: data.groups) }
    let trainer = try HeadTrainer(
      head: head, objective: objective, source: data.source, settings: settings,
      sampler: record.sampler.map { try ImageSamplingMethod.sampler($0, for: data.source, groups: data.groups) },
      selector: record.mining.map {
        try RoIMiningMethod.selector(
          $0, for: RoIMiningData(source: data.source, head: miningHead, seed: settings.seed))
      },
      boxRegression: record.boxes.map { try boxRegression($0, data: data, paths: paths, using: &generator) })
    StandardStreams.note(
      "\(method.name): \(grouped(data.roiCount)) RoIs of \(grouped(data.source.imageCount)) images, "
        + "\(data.source.featureCount) features, \(grouped(data.groups.classCount)) classes, "
        + "\(grouped(head.bias.count)) logits, \(grouped(trainer.stepCount)) steps, \(settings.threads) threads of "
        + "OpenBLAS \(OpenBLAS.kernels) kernels")
    return trainer
  }

  func readHead(_ path: String, groups: CategoryGroups) throws -> LinearHead {
    try naming(path) { try LinearHead(contentsOf: RunFolder.headPath(for: path), groups: groups) }
  }

  /// The box regressor to train: the initial head's, where it has one of the kind that was chosen.
  private func boxRegression(
    _ choice: BoxChoice, data: TrainingInputs, paths: TrainingInputPaths, using generator: inout SeededGenerator
  ) throws -> BoxRegression {
    let initial = try paths.initialHead.flatMap { path in
      try BoxRegressor(ifIn: openTensors(at: RunFolder.headPath(for: path)), groups: data.groups)
    }
    let regression = try choice.regression(
      startingFrom: initial, inputs: data.source.featureCount, classCount: data.groups.classCount, using: &generator)
    if let initial, regression.start != initial {
      StandardStreams.note(
        "the box regressor of \(paths.initialHead ?? "--init") is of another kind (\(initial.classes.rawValue), "
          + "\(initial.coder.convention.rawValue)): a fresh one is trained; --box-classes and --box-targets choose")
    }
    return regression
  }

  /// Puts the file's name before what is wrong with a head.
  private func naming<Result>(_ path: String, _ body: () throws -> Result) throws -> Result {
    let file = RunFolder.headPath(for: path)
    do {
      return try body()
    } catch let error as LinearHeadError {
      throw CommandFailure(error.description.hasPrefix(file) ? error.description : "\(file): \(error)")
    }
  }
}
