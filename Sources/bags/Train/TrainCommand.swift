import ArgumentParser
import BalancedGroupSoftmax
import Communication
import Foundation

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a classifier's last layer on cached features.",
    discussion: """
      The run is written to runs/NAME (--output): head.safetensors, groups.json, run.json with every setting, \
      metrics.jsonl and checkpoint.safetensors; runs/latest points to the newest. Without --features it trains on the \
      built-in synthetic set.

      The learning rate is used as given. It scales linearly with the batch: .01 is for 16 images a batch; with \
      --images-per-batch 32 give .02. It moves a method by more than methods differ: --learning-rate auto tries rates \
      on held-out training images, in trainings of half the epochs, and takes the best.

      Methods have options of their own. bags: --others-ratio 8 (β), --g0 sigmoid|official|none, --others yes|no. \
      `bags methods` lists those of the others with their defaults.

      --method auto races methods, samplers, rates and calibrations on held-out training images (--tune-features: on \
      images that the detector never saw), trains the winner on everything, and says how it compares with the head that \
      is there (--init). Where heads complement each other the winner is the mean of several. Of those that the images cannot \
      tell from the best the mean of the most heads wins. Interrupted, the same command goes on where it stopped. Its trials are kept in runs/NAME.race.

      --config takes settings from a file, one `option: value` a line (YAML or JSON); options on the command line win. A \
      run's own run.json is such a file: it repeats the run, byte for byte.

      A run that is interrupted, by Ctrl-C or anything else, stands at runs/NAME.partial; --resume goes on with it and \
      ends with the same head, byte for byte, as a run that was never interrupted.

      Built with MPI (`swift build --traits MPI`), several processes train one head: mpirun -n 8 bags train … Each batch is \
      cut into --shards parts, each process has some of them and reads their images, and the head is the same, byte for \
      byte, from any number of processes; --resume may take another number. A run by one process without MPI is the same \
      with --shards 16. It pays with large batches; see the share of time that communication takes, which is printed.

      EXAMPLES
        bags train
        bags train --features features/train --annotations lvis_v1_train.json
        bags train --features features/train --groups groups.json --method softmax --output runs/baseline
        bags train --features features/train --annotations train.json --init detector_head.safetensors
        bags train --features features/train --annotations train.json --method softmax --sampler rfs
        bags train --features features/train --annotations train.json --mining ohem
        bags train --features features/train --annotations train.json --mining offline --mining-head runs/baseline
        bags train --features features/train --annotations train.json --box-loss smooth-l1 --box-classes per-class
        bags train --method focal --gamma 2 --alpha .25
        bags train --others-ratio 3 --g0 official
        bags train --features features/train --annotations train.json --method softmax --learning-rate auto
        bags train --features features/train --annotations train.json --init detector_head.safetensors --method auto
        bags train --features features/train --annotations train.json --method auto --budget 10m
        bags train --features features/train --annotations t.json --groups auto:4
        bags train --features features/train --annotations t.json --init runs/baseline --match names
        bags train --features features/train --annotations t.json --method softmax --class-weights weights.csv
        bags train --tensorboard logs
        bags train --config settings.yaml --seed 1
        bags train --config runs/baseline/run.json --output runs/again
        bags train --features features/pooled --annotations t.json --hidden 1024,1024
        bags train --features features/pooled --annotations t.json --hidden 1024,1024 --adversary occlusion
        bags train --dense --method focal
        bags train --dense --method auto --epochs 4
        bags train --features maps/train --annotations t.json --method focal --init retinanet.safetensors
        bags train --features pyramid/train --annotations t.json --method focal --init retinanet.safetensors --tower 4
        bags train --features maps/train --annotations t.json --method bce --mining ohem-1to3 --normalizer per-image
        bags train --features features/train --annotations t.json --precision auto
        bags train --resume runs/baseline
        mpirun -n 4 bags train --features features/train --annotations t.json --images-per-batch 256 --learning-rate .16
      """)

  @OptionGroup(title: "Input") var input: TrainingInputOptions

  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Architecture") var architecture: ArchitectureOptions
  @OptionGroup(title: "Sampling") var sampling: SamplingOptions
  @OptionGroup(title: "Boxes") var boxes: BoxOptions
  @OptionGroup(title: "Adversary") var adversary: AdversaryOptions
  @OptionGroup(title: "Recipe") var settings: RecipeOptions

  @Option(
    help: .init(
      "The learning rate after warm-up; auto tries some on held-out training images and takes the best.",
      valueName: "rate|auto"))
  var learningRate = LearningRateOption.rate(0.01)

  @Option(help: "Where all randomness comes from.")
  var seed: UInt64 = 0

  @Option(
    help: .init(
      "The time that --method auto may take, such as 90s, 10m or 2h (default: what it needs).", valueName: "time"))
  var budget: TimeBudget?

  @OptionGroup(title: "Learning rate auto, method auto") var tuning: TuningOptions

  // Read before the words are parsed: see CommandLineWords.
  @Option(
    help: .init("Settings from a YAML or JSON file, or of a run.", valueName: "file|run"),
    completion: .file(extensions: ["yaml", "yml", "json"]))
  var config: String?

  @Option(
    help: .init("Where the run goes (default: runs/METHOD-TIME).", valueName: "folder"), completion: .directory)
  var output: String?

  @Option(
    help: .init("Go on with an interrupted run, with its own settings.", valueName: "run"), completion: .directory)
  var resume: String?

  @Option(
    help: .init("Write TensorBoard's event files too, to a folder of the run's name in this one.", valueName: "folder"),
    completion: .directory)
  var tensorboard: String?

  @Option(help: .init("Time between checkpoints.", valueName: "seconds"))
  var checkpointInterval = 30.0

  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func validate() throws {
    if method.name == RacingTraining.methodName {
      try validateRace()
      return
    }
    if budget != nil { throw ValidationError("--budget is for --method auto") }
    if resume == nil && input.initialHead == nil, try method.method().needsInitialHead {
      throw ValidationError("the method \(method.name) corrects a trained softmax head: name it with --init")
    }
    if let rate = learningRate.rate {
      guard rate > 0, rate.isFinite else { throw ValidationError("--learning-rate must be above 0") }
    } else if input.features != nil && input.annotations == nil {
      throw ValidationError("--learning-rate auto needs --annotations: held-out images are scored by their objects")
    }
    if learningRate == .auto, try adversary.choice() != nil {
      throw ValidationError(
        "--learning-rate auto does not go with --adversary: its trials train without one; give a rate")
    }
    guard (0...1e9).contains(checkpointInterval) else {
      throw ValidationError("--checkpoint-interval must be from 0 to 1000000000 seconds")
    }
    do {
      try recipe(setStages: 1).validate()
    } catch let error as TrainingRecipeError {
      throw ValidationError(error.description)
    }
  }

  /// Whether nothing is given that a race chooses itself, or cannot do.
  private func validateRace() throws {
    func refuse(_ isGiven: Bool, _ option: String) throws {
      if isGiven { throw ValidationError("--method auto does not go with \(option)") }
    }
    if let word = method.words.first { try refuse(true, word) }
    try refuse(try sampling.samplerChoice() != nil, "--sampler, which it chooses itself")
    try refuse(try sampling.miningChoice() != nil, "--mining")
    try refuse(try boxes.choice() != nil, "--box-loss")
    try refuse(
      architecture.architecture(setStages: 1) != HeadArchitecture(), "layers or stages: it trains one linear layer")
    try refuse(try adversary.choice() != nil, "--adversary")
    try refuse(architecture.normGroups != nil, "--norm-groups: it trains one linear layer")
    try refuse(input.classWeights != nil, "--class-weights, which few methods take")
    try refuse(input.match != .ids, "--match: the head must be of the same categories")
    try refuse(tensorboard != nil, "--tensorboard")
    try refuse(input.normalizer != nil, "--normalizer: each loss is divided by the positives")
    try refuse(tuning.tuneEpochs != nil, "--tune-epochs: --epochs says how long its trials are")
    if let rate = learningRate.rate, !(rate > 0 && rate.isFinite) {
      throw ValidationError("--learning-rate must be above 0")
    }
    if input.features != nil && input.annotations == nil {
      throw ValidationError("--method auto needs --annotations: held-out images are scored by their objects")
    }
  }

  /// The recipe for a set with features of so many stages.
  private func recipe(setStages: Int) throws -> TrainingRecipe {
    TrainingRecipe(
      try method.choice(in: Self.self), sampler: try sampling.samplerChoice(), mining: try sampling.miningChoice(),
      boxes: try boxes.choice(), adversary: try adversary.choice(),
      architecture: architecture.architecture(setStages: setStages),
      settings: settings.settings(learningRate: learningRate.rate, seed: seed), matching: input.match,
      // Read when the classes are known; whether the method takes any is known now.
      classWeights: input.classWeights.map { _ in ClassWeightTable(byCategory: [:]) }, normalizer: input.normalizer)
  }

  func run() throws {
    let ranks = try Ranks.joined()
    if ranks.count > 1, resume == nil, method.name == RacingTraining.methodName || learningRate == .auto {
      throw CommandFailure(
        "what auto tries is tried by one process; several share the trials of `bags compare`, and then train its winner"
      )
    }
    if let resume {
      try self.resume(resume, ranks: ranks)
    } else if method.name == RacingTraining.methodName {
      var path = output ?? freshRunPath(for: method.name)
      while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
      try overwrite.check(path)
      try RacingTraining(
        input: input, settings: settings.settings(learningRate: learningRate.rate, seed: seed), tuning: tuning,
        budget: budget, path: path, isJSON: format.isJSON
      ).run()
    } else {
      let path = output ?? freshRunPath(for: method.name)
      let (trainer, session) = try Ranks.agreed { try begin(at: path, ranks: ranks) }
      try train(trainer, in: session, ranks: ranks) {
        try tensorboard.map { try TrainingEvents(in: $0, ofRunAt: path) }
      }
    }
  }

  /// Prepares a training; its run is the first process's.
  private func begin(at path: String, ranks: any Communicator) throws -> (HeadTrainer, RunSession?) {
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

  private func resume(_ name: String, ranks: any Communicator) throws {
    // The first process has the run; the others look at what stands there when it has opened it.
    let session = try Ranks.agreed { try ranks.rank > 0 ? nil : RunSession.resume(named: name, by: "train") }
    let trainer = try Ranks.agreed { try resumed(name, session: session, ranks: ranks) }
    StandardStreams.note("\(name): going on after step \(grouped(trainer.stepsTaken))")
    try train(trainer, in: session, ranks: ranks) {
      try session?.record.tensorboard.map {
        try TrainingEvents(in: $0, ofRunAt: session?.folder.path ?? name, resumingAfter: trainer.stepsTaken)
      }
    }
  }

  /// The trainer of a run that was begun, where the run was.
  private func resumed(_ name: String, session: RunSession?, ranks: any Communicator) throws -> HeadTrainer {
    let begun =
      try session.map { InterruptedRun(record: $0.record, groups: $0.groups, checkpoint: $0.checkpoint) }
      ?? InterruptedRun(named: name)
    guard let recipe = begun.record.recipe else { throw CommandFailure("\(name): its record has no recipe") }
    if ranks.count > 1, recipe.settings.shards == nil {
      throw CommandFailure("\(name): was begun without --shards; it goes on in one process alone")
    }
    let paths = TrainingInputPaths(of: begun.record)
    if let session { try paths.check(areThoseOf: session) }
    let data = try paths.load(grouping: begun.groups)
    let heads = try paths.prerequisiteHeads(for: recipe, groups: data.groups)
    let trainer = try trainer(recipe, data: data, heads: heads, paths: paths)
    try trainer.share(among: ranks)
    if let session {
      try session.restore(trainer)
    } else if let checkpoint = begun.checkpoint {
      try trainer.restore(checkpoint)
    }
    return trainer
  }

  private func trainer(
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

  /// Trains; the first process keeps the run, the others have no session and take their part of every step.
  private func train(
    _ trainer: HeadTrainer, in session: RunSession?, ranks: any Communicator,
    makeEvents: () throws -> TrainingEvents?
  ) throws {
    let start = ContinuousClock.now
    let stepsBefore = trainer.stepsTaken
    let progress = ProgressLine("epoch")
    var hooks = TrainingHooks()
    hooks.checkpointInterval = .seconds(checkpointInterval)
    hooks.isInterrupted = { Interruption.isPending }
    guard let session else {
      _ = try Ranks.together { try trainer.run(hooks) }
      return
    }
    let result: RunRecord.Result
    do {
      defer { progress.finish() }
      let events = try makeEvents()
      hooks.report = { metrics in
        try events?.write(metrics, of: trainer)
        progress.update(
          Double(metrics.step) / Double(trainer.stepCount), detail: summary(of: metrics, trainer: trainer))
      }
      try Ranks.together { try session.train(trainer, hooks) }
      result = try session.finish(
        trainer.head, boxRegressor: trainer.boxRegressor, boxBranch: trainer.boxBranch, steps: trainer.stepsTaken)
    } catch {
      if !session.hasCheckpoint { session.discard() }
      throw session.adding(resumptionTo: error)
    }
    try report(
      trainer, steps: trainer.stepsTaken - stepsBefore, seconds: seconds(ContinuousClock.now - start),
      loss: result.loss, path: session.folder.path, processes: ranks.count)
  }

  private func summary(of metrics: TrainingMetrics, trainer: HeadTrainer) -> String {
    let parts = trainer.componentNames.map { "\($0) \(String(format: "%.3f", metrics.losses[$0] ?? 0))" }
    return
      "\(metrics.epoch + 1)/\(trainer.settings.epochs)  \(grouped(Int(metrics.roisPerSecond))) \(trainer.exampleWord)/s  "
      + "loss \(String(format: "%.3f", metrics.loss)) (\(parts.joined(separator: " ")))"
  }

  private func report(
    _ trainer: HeadTrainer, steps: Int, seconds: Double, loss: Double, path: String, processes: Int
  ) throws {
    let roisPerSecond = Double(steps) / max(seconds, 1e-9) * trainer.meanBatchCount
    let communication =
      processes > 1 ? trainer.communicationTime / .seconds(1) / max(seconds, 1e-9) : nil
    if format.isJSON {
      try printJSON(
        TrainingSummary(
          run: path, method: trainer.head.method, steps: steps, loss: loss, seconds: seconds,
          rois_per_second: roisPerSecond, processes: processes > 1 ? processes : nil,
          communication_share: communication))
    } else {
      StandardStreams.result(
        "\(path): \(grouped(steps)) steps in \(ProgressLine.duration(seconds)) (\(grouped(Int(roisPerSecond))) \(trainer.exampleWord)/s), "
          + "loss \(String(format: "%.4f", loss)) in the last epoch")
      if let communication {
        StandardStreams.result(
          "\(processes) processes, \(trainer.settings.shards ?? 0) shards: communication, and waiting for each other, took "
            + String(format: "%.0f %% of the time", 100 * communication))
      }
    }
  }
}

extension HeadTrainer {
  /// What the examples are called.
  fileprivate var exampleWord: String { head.layout.anchorsPerLocation == nil ? "RoIs" : "anchors" }
}

/// What `bags train --format json` prints.
private struct TrainingSummary: Encodable {
  var run: String
  var method: String
  var steps: Int
  var loss: Double
  var seconds: Double
  var rois_per_second: Double
  /// Where there are several.
  var processes: Int?
  var communication_share: Double?
}

/// What another process's session goes on with.
private struct InterruptedRun {
  let record: RunRecord
  let groups: CategoryGroups
  let checkpoint: TrainingCheckpoint?

  init(record: RunRecord, groups: CategoryGroups, checkpoint: TrainingCheckpoint?) {
    (self.record, self.groups, self.checkpoint) = (record, groups, checkpoint)
  }

  /// Reads it beside that session.
  init(named name: String) throws {
    let path = name.hasSuffix(".partial") ? name : RunFolder(at: name).partialPath
    let folder = RunFolder(at: path)
    let hasCheckpoint = FileManager.default.fileExists(atPath: folder.checkpointPath)
    self.init(
      record: try folder.record(), groups: try CategoryGroups(contentsOf: folder.groupsPath),
      checkpoint: try hasCheckpoint ? TrainingCheckpoint.read(from: folder.checkpointPath).checkpoint : nil)
  }
}
