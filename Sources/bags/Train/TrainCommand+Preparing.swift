import BalancedGroupSoftmax
import Communication
import Foundation

extension TrainCommand {
  /// Prepares a training; its run is the first process's.
  func begin(at path: String, ranks: any Communicator) throws -> (HeadTrainer, RunSession?) {
    if ranks.rank == 0 { try overwrite.check(path) }
    // Events of another run of the same name would be mixed with this one's.
    for file in try ranks.rank > 0 ? [] : tensorboard.map({ try TrainingEvents.files(in: $0, ofRunAt: path) }) ?? [] {
      try overwrite.check(file)
    }
    var paths = try input.pathsWritingBuiltInMaps()
    paths.miningHead = sampling.miningHead
    let data = try paths.load(boundaries: input.boundaries)
    StandardStreams.show(data.findings)
    if let first = settings.milestones.values.first, first >= settings.epochs {
      StandardStreams.note(
        "the learning rate stays as it is: --milestones \(settings.milestones) are not reached")
    }
    var recipe = try recipe(setStages: data.source.stageCount)
    recipe.classWeights = try input.classWeights.map { try ClassWeightTable(contentsOf: $0, groups: data.groups) }
    if let source = data.source as? LabelledMapSet {
      recipe.architecture.tower = architecture.towerArchitecture(on: source.maps)
      try settings.checkPrecision(forMapsAt: source.maps.path)
    }
    recipe = try recipe.withDefaults(for: data.source, keeping: method.given(in: Self.self).keys)
    if architecture.normGroups != nil, recipe.architecture.tower?.layers ?? 0 == 0 {
      throw CommandFailure("--norm-groups is for the convolutions of --tower, and none are trained here")
    }
    let isWhole = data.source is any AnchorSource || recipe.adversary != nil
    recipe.settings.shards = recipe.settings.shards ?? (isWhole ? nil : Ranks.defaultShards)
    let inputs = try ranks.rank > 0 ? [:] : paths.fingerprinted()
    if let config { warnOfOtherInputs(than: config, now: inputs) }
    let heads = try paths.prerequisiteHeads(for: recipe, groups: data.groups)
    try paths.describeNewClasses(of: data.groups, in: heads, for: recipe)
    if ranks.rank == 0 { try showDisagreement(of: heads.initial, with: data) }
    var tuned: TunedMethod?
    if learningRate == .auto {
      let found = try tuneLearningRate(recipe, data: data, heads: heads)
      recipe.settings.learningRate = found.picked.learningRate ?? recipe.settings.learningRate
      tuned = found
    }
    var record = RunRecord(
      of: recipe, on: data.source, inputs: inputs, groupBoundaries: input.statedBoundaries,
      program: Program.name)
    record.tensorboard = tensorboard
    record.tuning = tuned?.record
    let trainer = try trainer(recipe, data: data, heads: heads, paths: paths)
    try trainer.share(among: ranks)
    let session =
      try ranks.rank > 0
      ? nil : RunSession.begin(record, groups: data.groups, at: path, overwriting: overwrite)
    return (trainer, session)
  }

  /// Says where the head that is started from calls few of the labelled RoIs by their name: its classes stand in another
  /// order, or the features are of another layer.
  private func showDisagreement(of head: LinearHead?, with data: TrainingInputs) throws {
    guard !(data.source is any AnchorSource), let head, head.inputs == data.source.featureCount,
      head.groups.members.map(\.id) == data.groups.members.map(\.id)
    else { return }
    for finding in try head.findings(on: data.source) {
      StandardStreams.warn("\(input.initialHead ?? "the head"): \(finding.withOption)")
    }
  }

  /// Where settings are a run's, says what was something else when that run was made.
  private func warnOfOtherInputs(than config: String, now: [String: RunRecord.Input]) {
    let path = config.hasSuffix(".json") ? config : RunFolder(at: config).recordPath
    guard let earlier = try? RunRecord(contentsOf: path) else { return }
    for (name, input) in earlier.inputs.sorted(by: { $0.key < $1.key }) {
      if let now = now[name], now.path == input.path, now != input {
        StandardStreams.warn("\(input.path): is not what it was for \(path); the result will be another")
      }
    }
  }

  /// Tries learning rates on held-out training images, and says what they came to.
  private func tuneLearningRate(
    _ recipe: TrainingRecipe, data: TrainingInputs, heads: PrerequisiteHeads
  ) throws -> TunedMethod {
    var images = try data.tuningData()
    images.unseen = try tuning.unseenImages()
    let tuner = try Tuner(
      images, settings: recipe.settings, architecture: recipe.architecture,
      plan: tuning.plan(epochs: recipe.settings.epochs), startingFrom: heads, matching: recipe.matching,
      classWeights: recipe.classWeights)
    for warning in tuner.warnings { StandardStreams.warn(warning) }
    let progress = ProgressLine("learning rate")
    var hooks = ComparisonHooks()
    hooks.isInterrupted = { Interruption.isPending }
    hooks.progress = { progress.update($0, detail: $1) }
    let tuned: TunedMethod
    do {
      tuned = try tuner.tune(ComparedMethod(recipe), hooks: hooks)
      progress.finish()
    } catch {
      progress.finish()
      throw Interruption.isPending
        ? CommandFailure("\(error); no run was begun: the rates will be tried anew by the same command") : error
    }
    let tried = tuned.record
    for trial in tried.trials {
      let score = tried.score(of: trial)
      StandardStreams.note(
        "learning rate \(settingText(trial.learningRate)): "
          + (score.isFinite ? "\(tried.metric) \(String(format: "%.2f", 100 * score))" : "diverged")
          + ((trial.splits ?? 1) > 1 ? " on \(trial.splits ?? 1) splits" : ""))
    }
    StandardStreams.note(tuned.summary)
    return tuned
  }

  func trainer(
    _ recipe: TrainingRecipe, data: TrainingInputs, heads: PrerequisiteHeads, paths: TrainingInputPaths
  ) throws -> HeadTrainer {
    let trainer: HeadTrainer
    do {
      trainer = try recipe.trainer(
        on: data.source, groups: data.groups, imageCount: data.imageCount, startingFrom: heads)
    } catch let error as InitialHeadError {
      throw error.cause.inFile(RunFolder.headPath(for: paths.initialHead ?? ""))
    }
    let settings = recipe.settings
    StandardStreams.note(
      "\(recipe.method.name): \(data.source.roiText), "
        + "\(data.source.featureText), \(grouped(data.groups.classCount)) classes, "
        + "\(grouped(trainer.head.bias.count)) logits, \(grouped(trainer.stepCount)) steps, \(settings.threads) threads "
        + "of OpenBLAS \(OpenBLAS.kernels) kernels"
        + (settings.precision == .single ? "" : ", \(settings.precision.rawValue)"))
    if let source = data.source as? any AnchorSource, recipe.boxes != nil, let initial = heads.boxBranch,
      !recipe.continues(initial, on: source)
    {
      StandardStreams.note(
        "the regression branch of \(paths.initialHead ?? "--init") is of \(initial.tower.count) convolutions below the last, "
          + "or for other maps or anchors: a fresh one is trained")
    }
    if let boxes = recipe.boxes, let initial = heads.boxRegressor,
      !boxes.continues(initial, inputs: data.source.featureCount, classCount: data.groups.classCount)
    {
      StandardStreams.note(
        "the box regressor of \(paths.initialHead ?? "--init") is of another kind (\(initial.classes.rawValue), "
          + "\(initial.coder.convention.rawValue)): a fresh one is trained; --box-classes and --box-targets choose")
    }
    return trainer
  }
}
