import ArgumentParser
import BalancedGroupSoftmax
import Foundation

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a classifier's last layer on cached RoI features.",
    discussion: """
      The run is written to runs/NAME (--output): head.safetensors, groups.json, run.json with every setting, \
      metrics.jsonl and checkpoint.safetensors; runs/latest points to the newest. Without --features it trains on the \
      built-in synthetic set.

      The learning rate is used as given. It scales linearly with the batch: .01 is for 16 images a batch; with \
      --images-per-batch 32 give .02. It moves a method by more than methods differ: --learning-rate auto tries rates \
      on held-out training images, in trainings of half the epochs, and takes the best.

      Methods have options of their own. bags: --others-ratio 8 (β), --g0 sigmoid|official|none, --others yes|no. \
      `bags methods` lists those of the others with their defaults.

      --config takes settings from a file, one `option: value` a line (YAML or JSON); options on the command line win. A \
      run's own run.json is such a file: it repeats the run, byte for byte.

      A run that is interrupted, by Ctrl-C or anything else, stands at runs/NAME.partial; --resume goes on with it and \
      ends with the same head, byte for byte, as a run that was never interrupted.

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
        bags train --features features/train --annotations t.json --groups auto:4
        bags train --tensorboard logs
        bags train --config settings.yaml --seed 1
        bags train --config runs/baseline/run.json --output runs/again
        bags train --features features/pooled --annotations t.json --hidden 1024,1024
        bags train --resume runs/baseline
      """)

  @OptionGroup(title: "Input") var input: TrainingInputOptions

  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Architecture") var architecture: ArchitectureOptions
  @OptionGroup(title: "Sampling") var sampling: SamplingOptions
  @OptionGroup(title: "Boxes") var boxes: BoxOptions
  @OptionGroup(title: "Recipe") var recipe: RecipeOptions

  @Option(
    help: .init(
      "The learning rate after warm-up; auto tries some on held-out training images and takes the best.",
      valueName: "rate|auto"))
  var learningRate = LearningRateOption.rate(0.01)

  @Option(help: "Where all randomness comes from.")
  var seed: UInt64 = 0

  @OptionGroup(title: "Learning rate auto") var tuning: TuningOptions

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
    try sampling.check(goesWith: try method.method(), parameters: try method.parameters(in: Self.self))
    if resume == nil && input.initialHead == nil, try method.method().needsInitialHead {
      throw ValidationError("the method \(method.name) corrects a trained softmax head: name it with --init")
    }
    if let rate = learningRate.rate {
      guard rate > 0, rate.isFinite else { throw ValidationError("--learning-rate must be above 0") }
    } else if input.features != nil && input.annotations == nil {
      throw ValidationError("--learning-rate auto needs --annotations: held-out images are scored by their objects")
    }
    guard (0...1e9).contains(checkpointInterval) else {
      throw ValidationError("--checkpoint-interval must be from 0 to 1000000000 seconds")
    }
  }

  func run() throws {
    Interruption.watch()
    if let resume {
      try self.resume(resume.hasSuffix(".partial") ? String(resume.dropLast(8)) : resume)
    } else {
      try begin()
    }
  }

  private func begin() throws {
    let parameters = try method.parameters(in: Self.self)
    let method = try method.method()
    let path = output ?? freshRunPath(for: method.name)
    try overwrite.check(path)
    // Events of another run of the same name would be mixed with this one's.
    for file in try tensorboard.map({ try TrainingEvents.files(in: $0, ofRunAt: path) }) ?? [] {
      try overwrite.check(file)
    }
    let data = try input.paths.load(boundaries: input.boundaries)
    for warning in data.warnings { StandardStreams.warn(warning) }
    if let first = recipe.milestones.values.first, first >= recipe.epochs {
      StandardStreams.note(
        "the learning rate stays as it is: --milestones \(recipe.milestones) are not reached")
    }
    var paths = input.paths
    paths.miningHead = sampling.miningHead
    var record = RunRecord(
      program: "bags \(Bags.version)", created: Date(), method: method.name, methodParameters: parameters.values,
      settings: recipe.settings(learningRate: learningRate.rate, seed: seed), inputs: try paths.fingerprinted(),
      roiCount: data.roiCount, imageCount: data.source.imageCount, featureCount: data.source.featureCount,
      blasKernels: OpenBLAS.kernels)
    record.sampler = try sampling.samplerChoice()
    record.mining = try sampling.miningChoice()
    record.boxes = try boxes.choice()
    let architecture = architecture.architecture(setStages: data.stageCount)
    record.architecture = architecture == HeadArchitecture() ? nil : architecture
    record.groupBoundaries = input.statedBoundaries
    record.tensorboard = tensorboard
    if let config { warnOfOtherInputs(than: config, now: record.inputs) }
    if learningRate == .auto {
      guard record.architecture == nil else {
        throw CommandFailure(
          "--learning-rate auto tries one linear layer; give a rate where hidden layers or several stages are trained")
      }
      guard record.boxes == nil else {
        throw CommandFailure(
          "--learning-rate auto tries the classifier alone; give a rate where a box regressor is trained beside it")
      }
      let tuned = try tuneLearningRate(record, data: data, paths: paths)
      record.tuning = tuned.record
      record.settings.learningRate = tuned.picked.learningRate ?? record.settings.learningRate
    }
    let trainer = try makeTrainer(method, record: record, data: data, paths: paths)
    let writer = try RunWriter(at: path, record: record, groups: data.groups, replacing: overwrite.overwrite)
    try train(trainer, writer: writer) { try tensorboard.map { try TrainingEvents(in: $0, ofRunAt: path) } }
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
    _ record: RunRecord, data: TrainingInputs, paths: TrainingInputPaths
  ) throws -> TunedMethod {
    let row = ComparedMethod(
      MethodChoice(name: record.method, parameters: record.methodParameters), sampler: record.sampler,
      mining: record.mining)
    let heads = EarlierHeads(
      initial: try paths.initialHead.map { try readHead($0, groups: data.groups) },
      mining: try paths.miningHead.map { try readHead($0, groups: data.groups) })
    let tuner = try Tuner(
      try data.tuningData(), settings: record.settings, plan: tuning.plan(epochs: record.settings.epochs),
      startingFrom: heads)
    let progress = ProgressLine("learning rate")
    var hooks = ComparisonHooks()
    hooks.isInterrupted = { Interruption.isPending }
    hooks.progress = { progress.update($0, detail: $1) }
    let tuned: TunedMethod
    do {
      tuned = try tuner.tune(row, hooks: hooks)
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
          + " on \(grouped(tried.heldOutImageCount)) held-out training images")
    }
    StandardStreams.note("learning rate \(settingText(tuned.picked.learningRate ?? 0)) is taken")
    return tuned
  }

  private func resume(_ path: String) throws {
    let (writer, record, groups, checkpoint) = try RunWriter.resuming(path)
    guard let method = TrainingMethod.named(record.method) else {
      throw CommandFailure("\(writer.partial.recordPath): the method '\(record.method)' is not known to this program")
    }
    let paths = TrainingInputPaths(of: record)
    for (name, now) in try paths.fingerprinted() where record.inputs[name] != now {
      throw CommandFailure("\(now.path): is not what it was when \(path) began; a resumed run would not be the same")
    }
    let data = try paths.load(grouping: groups)
    let trainer = try makeTrainer(method, record: record, data: data, paths: paths)
    if let checkpoint { try trainer.restore(checkpoint) }
    StandardStreams.note("\(path): going on after step \(grouped(trainer.stepsTaken))")
    try train(trainer, writer: writer) {
      try record.tensorboard.map { try TrainingEvents(in: $0, ofRunAt: path, resumingAfter: trainer.stepsTaken) }
    }
  }

  private func train(_ trainer: HeadTrainer, writer: RunWriter, makeEvents: () throws -> TrainingEvents?) throws {
    let start = ContinuousClock.now
    let stepsBefore = trainer.stepsTaken
    let progress = ProgressLine("epoch")
    var hooks = TrainingHooks()
    hooks.checkpointInterval = .seconds(checkpointInterval)
    hooks.isInterrupted = { Interruption.isPending }
    hooks.saveCheckpoint = { try writer.save($0) }
    do {
      let events = try makeEvents()
      hooks.report = { metrics in
        try writer.append(metrics)
        try events?.write(metrics, of: trainer)
        progress.update(
          Double(metrics.step) / Double(trainer.stepCount), detail: summary(of: metrics, trainer: trainer))
      }
      let loss = try trainer.run(hooks)
      progress.finish()
      let elapsed = seconds(ContinuousClock.now - start)
      try writer.complete(
        head: trainer.head, boxRegressor: trainer.boxRegressor,
        result: .init(seconds: elapsed, steps: trainer.stepsTaken, loss: loss))
      try report(
        trainer, steps: trainer.stepsTaken - stepsBefore, seconds: elapsed, loss: loss, path: writer.folder.path)
    } catch {
      progress.finish()
      if !writer.hasCheckpoint { writer.discard() }
      throw writer.hasCheckpoint
        ? CommandFailure("\(error); go on with `bags train --resume \(writer.folder.path)`") : error
    }
  }

  private func summary(of metrics: TrainingMetrics, trainer: HeadTrainer) -> String {
    let parts = trainer.componentNames.map { "\($0) \(String(format: "%.3f", metrics.losses[$0] ?? 0))" }
    return "\(metrics.epoch + 1)/\(trainer.settings.epochs)  \(grouped(Int(metrics.roisPerSecond))) RoIs/s  "
      + "loss \(String(format: "%.3f", metrics.loss)) (\(parts.joined(separator: " ")))"
  }

  private func report(_ trainer: HeadTrainer, steps: Int, seconds: Double, loss: Double, path: String) throws {
    let roisPerSecond = Double(steps) / max(seconds, 1e-9) * trainer.meanBatchCount
    if format.isJSON {
      try printJSON(
        TrainingSummary(
          run: path, method: trainer.head.method, steps: steps, loss: loss, seconds: seconds,
          rois_per_second: roisPerSecond))
    } else {
      StandardStreams.result(
        "\(path): \(grouped(steps)) steps in \(ProgressLine.duration(seconds)) (\(grouped(Int(roisPerSecond))) RoIs/s), "
          + "loss \(String(format: "%.4f", loss)) in the last epoch")
    }
  }
}

/// What `bags train --format json` prints.
private struct TrainingSummary: Encodable {
  var run: String
  var method: String
  var steps: Int
  var loss: Double
  var seconds: Double
  var rois_per_second: Double
}
