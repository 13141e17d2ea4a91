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
      "The time that --method auto plans for, such as 90s, 10m or 2h (default: what it needs); the smallest race that decides "
        + "anything may take longer, and says so.", valueName: "time"))
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
  func recipe(setStages: Int) throws -> TrainingRecipe {
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
}
