import ArgumentParser
import BalancedGroupSoftmax
import Foundation

struct CompareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Train methods with the same budget and seeds, score them, and print one table.",
    discussion: """
      Every method is trained on the same RoIs, or the same anchors of feature maps, for the same number of steps, with the same seeds, and scored in memory \
      by LVIS's rules. The table has AP, APr, APc, APf, AP1 and on, the rank correlation of weight norm and instance \
      count, epochs and seconds of training: means over the seeds, ± their standard deviation. Of each metric the best \
      is marked *, and what cannot be told from it. A second table has the differences to the first row, with paired \
      95 % intervals over validation images, and seeds, drawn with replacement. Both are written to --output as \
      Markdown, CSV and JSON, with figures.

      --init HEAD compares with what the detector has: its own head is the first row, every training starts from it \
      (a method with :init=none from random weights), and own-head+tau-norm calibrates it.

      A method is written with its parameters behind colons, and what is added to it behind +:
        bags:others-ratio=3            a parameter of the method (`bags methods` lists them)
        softmax:learning-rate=0.1      its own learning rate
        bags:groups=10/100             its own group boundaries; auto/4: four groups by natural breaks
        bags:others=no                 ablations of BAGS; bags:g0=none, bags:g0=official, bags:others-ratio=0
        softmax+rfs                    repeat factor sampling; +class-balanced
        softmax+rfs:repeat-threshold=0.01
        softmax+ohem                   online hard examples; +ohem-1to3, +s-ohem, +offline, +random
        softmax+boxes:smooth-l1        a box regressor trained beside, which places the detections
        focal+boxes:giou               a pyramid's maps: a regression branch in its place
        focal:normalizer=per-image     feature maps: what its loss is divided by
        seesaw+normed:temperature=20   a normed linear layer in place of a linear one
        softmax+tau-norm:tau=0.7       calibrated after training; +norcal, +ncm, +lws, +crt, …
        softmax+rfs++bags              the mean of the scores of several heads, as one head
        auto                           the winner of a race, as `bags train --method auto` runs it

      The learning rate moves a method by more than methods differ. --tune picks each method's own on a held-out part \
      of the training images, with as many trials for each: first a grid from --learning-rate up in tenfold steps, then \
      finer around the best. What the first split of the images cannot tell from its best is tried on further splits; \
      --learning-rate stays where nothing is better beyond noise. Training images flatter: where there are others that \
      the detector never saw, give them with --tune-features and --tune-annotations. --tune others-ratio,gamma=1/2/5 goes on with these parameters of the methods that have \
      them; the others get as many further learning rates. Validation images decide nothing.

      Methods that need a trained head have it of the same seed: disalign softmax's, calibrations and +offline that \
      of the method without them. Their epochs and seconds are those of both.

      Several processes may run the same command with the same --output, on one machine or on many that share the \
      folder (srun, a job array, GNU parallel): each takes the next training or trial that none has, goes on with what \
      one that was killed left, and prints the table when all is done. It takes a file system with advisory locks, as \
      NFS has them; --shard 2/8 does the second of eight parts of the runs without locks, and the part that finishes the \
      last run writes the table. --status FOLDER says what is done, running, left, and by whom.

      What is finished stays: the same command, after Ctrl-C or anything else, goes on where it stopped, and one with \
      more methods or seeds trains only those. Every run in --output/runs is a folder for `bags predict` and \
      `bags report`.

      EXAMPLES
        bags compare
        bags compare --methods softmax,bags,bags:others-ratio=3,softmax+rfs --seeds 3
        bags compare --features train --annotations train.json --val val --val-annotations val.json --tune
        bags compare --features train --annotations train.json --val val --val-annotations val.json --init head.safetensors \\
          --methods own-head+tau-norm,softmax+class-balanced,bags --tune
        bags compare --dense --methods focal,ghm,bags+class-balanced --epochs 4 --tune
        bags compare --methods focal,bags --tune gamma,others-ratio=1/3/8/20 --tune-epochs 6
        srun -n 64 bags compare --methods all --seeds 3 --threads 2 --output /shared/grid
        bags compare --status /shared/grid
      """)

  @OptionGroup(title: "Input") var input: ComparisonInputOptions

  @Option(help: .init("What to compare, with commas between; all for all of `bags methods`.", valueName: "list|all"))
  var methods = "all"

  @Option(help: .init("The seeds, such as 0,1,2, or how many.", valueName: "list|count"))
  var seeds = "1"

  @Option(
    defaultAsFlag: "learning-rate",
    help: .init(
      "Pick each method's learning rate on held-out training images, and then these parameters.",
      valueName: "parameters"))
  var tune: String?

  @Option(
    help: .init(
      "How often validation images are drawn for the intervals of differences; 0 for no intervals.",
      valueName: "count"))
  var replicates = 1000

  @OptionGroup(title: "Tuning") var tuning: TuningOptions
  @OptionGroup(title: "Recipe") var recipe: RecipeOptions

  @Option(help: "The learning rate of methods that state none; where --tune begins.")
  var learningRate = 0.01

  @Option(help: .init("The folder of the comparison; one that stands there is gone on with.", valueName: "folder"))
  var output = "comparison"

  @Option(
    help: .init(
      "Do one of several equal parts of the runs, such as 2/8, where files cannot be locked.", valueName: "part/parts"))
  var shard: WorkShare?

  @Option(
    help: .init(
      "Say what is done of the comparison in this folder, what is running and where, and what is left; do nothing else.",
      valueName: "folder"))
  var status: String?

  @Flag(
    inversion: .prefixedNo,
    help:
      "Keep each run's detections on the validation images, about 26 bytes each, for `bags evaluate` and `bags report`."
  )
  var keepDetections = true

  @Option(
    help: .init("Write TensorBoard's event files too, to a folder for each run in this one.", valueName: "folder"),
    completion: .directory)
  var tensorboard: String?

  @Option(help: "What figures are written as. PNG and PDF need rsvg-convert (Debian: librsvg2-bin).")
  var imageFormat: ImageFormat = .svg

  @OptionGroup var format: TableFormatOptions

  func validate() throws {
    if status != nil { return }
    let methods = try rows()
    if shard != nil, methods.contains(.auto) {
      throw ValidationError("--shard: the race of auto takes all processes together; name its winner instead")
    }
    _ = try seedList()
    _ = try plan(for: methods)
    if tune == nil, !methods.contains(.auto), let option = tuning.stated {
      throw ValidationError("\(option) needs --tune: without it nothing is tuned")
    }
    guard replicates == 0 || (20...100_000).contains(replicates) else {
      throw ValidationError("--replicates must be 0, or from 20 to 100000")
    }
    if input.initialHead == nil, let row = methods.first(where: { $0.description.hasPrefix("own-head") }) {
      throw ValidationError("--methods: \(row) is about the detector's own head: give it with --init")
    }
    guard learningRate > 0, learningRate.isFinite else { throw ValidationError("--learning-rate must be above 0") }
  }

  func run() throws {
    if let status { return try show(ComparisonStatus(ofFolder: status)) }
    Interruption.advise("the same command goes on where it stopped")
    let folder = ComparisonFolder(at: output)
    try imageFormat.checkAvailability()
    try folder.open()
    try compare(in: folder)
  }

  private func compare(in folder: ComparisonFolder) throws {
    var methods = try rows()
    let seeds = try seedList()
    let settings = recipe.settings(learningRate: learningRate, seed: seeds[0])
    var detection = DetectionSettings()
    detection.threads = settings.threads
    var set = try input.load(detection: detection)
    set.tuningImages = try tuning.unseenImages()
    if let maps = (set.source as? LabelledMapSet)?.maps { try recipe.checkPrecision(forMapsAt: maps.path) }
    if self.methods == "all" {
      // What the features lack is no reason to compare nothing.
      methods.removeAll { row in
        let column = TrainingMethod.named(row.method.name)?.neededColumn
        return column.map { (set.source as? LabelledFeatureSet)?.features.width(of: $0) == nil } ?? false
      }
    }
    var comparison = Comparison(
      of: methods, on: set, settings: settings, seeds: seeds, ownHead: try input.ownHead(for: set),
      tuning: try plan(for: methods), replicateCount: replicates,
      race: methods.contains(.auto) ? racePlan(for: set, epochs: settings.epochs) : nil,
      keepsDetections: keepDetections, folder: folder.path, program: Program.name)
    comparison.share = shard
    StandardStreams.note(
      "\(comparison.methods.count) methods, \(seeds.count) seed\(seeds.count == 1 ? "" : "s"), \(settings.epochs) epochs on "
        + "\(set.source.roiText); results in " + folder.path)
    let progress = ProgressLine("compare")
    var hooks = ComparisonHooks()
    hooks.isInterrupted = { Interruption.isPending }
    hooks.progress = { progress.update($0, detail: $1) }
    hooks.finished = { line in
      progress.finish()
      StandardStreams.note(line)
    }
    let events = tensorboard.map { ComparisonEvents(in: $0) }
    if let events { hooks.reported = { try events.write($1, of: $0, trainer: $2) } }
    let result: ComparedResults
    do {
      result = try comparison.run(hooks)
      for outcome in result.rows.flatMap(\.outcomes) { try events?.finish(outcome) }
      progress.finish()
    } catch TrainingError.interrupted {
      progress.finish()
      throw CommandFailure("interrupted; the same command goes on where it stopped")
    } catch let left as OtherPartsLeft {
      progress.finish()
      StandardStreams.note("this part is done; \(left)")
      return
    }
    var inputs = set.trainingInputs.merging(set.validationInputs) { $1 }
    inputs["init"] = comparison.ownHead?.input
    if tune != nil || methods.contains(.auto) { inputs.merge(set.tuningImages?.inputs ?? [:]) { $1 } }
    showKeptDetections(of: result)
    let report = try ComparisonReport(
      result, groups: set.groups, program: Program.name, inputs: inputs, command: ComparisonText.command)
    let text = ComparisonText(report: report, set: set, isBuiltIn: input.features == nil)
    try folder.withLock {
      try folder.write(report, text: text.markdown(imageFormat: imageFormat), imageFormat: imageFormat)
    }
    for row in result.rows {
      for failure in row.failures { StandardStreams.warn("\(row.name), \(failure)") }
    }
    if format.isJSON {
      try printJSON(report.document)
    } else {
      format.show(text.sections + [.text("report  \(folder.path)/README.md\ndata    \(folder.path)/comparison.csv")])
    }
  }

  private func show(_ status: ComparisonStatus) throws {
    if format.isJSON { return try printJSON(status) }
    format.show(ComparisonText.sections(of: status))
  }

  /// Says how much room the runs' detections take.
  private func showKeptDetections(of result: ComparedResults) {
    let paths = Set(result.rows.flatMap(\.outcomes).map(\.run.detectionsPath))
    let sizes = paths.compactMap { try? FileManager.default.attributesOfItem(atPath: $0)[.size] as? Int }
    guard keepDetections, !sizes.isEmpty else { return }
    StandardStreams.note(
      "the detections of \(sizes.count) run\(sizes.count == 1 ? "" : "s") are kept, "
        + "\(String(format: "%.1f", Double(sizes.reduce(0, +)) / 1e6)) MB in all; --no-keep-detections leaves them out")
  }

  private func rows() throws -> [ComparedMethod] {
    do {
      return try ComparedMethod.rows(methods)
    } catch let error as ComparisonError {
      throw ValidationError("--methods: \(error)")
    }
  }

  private func plan(for methods: [ComparedMethod]) throws -> TuningPlan? {
    guard let tune else { return nil }
    var plan = tuning.plan(epochs: recipe.epochs)
    do {
      plan.parameters = try TunedParameter.list(tune, of: methods)
    } catch let error as ComparisonError {
      throw ValidationError("--tune: \(error)")
    }
    return plan
  }

  private func racePlan(for set: ComparisonSet, epochs: Int) -> RacePlan {
    var plan = RacePlan(
      RacePlan.contestants(
        for: set.groups, hasOwnHead: input.initialHead != nil, hasAnchors: set.source is any AnchorSource),
      epochs: epochs)
    plan.criterion = tuning.tuneBy
    plan.fraction = tuning.heldOut
    plan.splitCount = tuning.tuneSplits
    return plan
  }

  /// A list of seeds, or as many as a single number says.
  private func seedList() throws -> [UInt64] {
    let values = seeds.split(separator: ",").map { UInt64($0) }
    let list = values.compactMap { $0 }
    guard !list.isEmpty, list.count == values.count, Set(list).count == list.count else {
      throw ValidationError("--seeds must be whole numbers, each once, such as 0,1,2, or how many, not '\(seeds)'")
    }
    if seeds.contains(",") { return list }
    guard (1...1000).contains(list[0]) else {
      throw ValidationError(
        "--seeds \(seeds): one number says how many, from 1 to 1000; the seed itself is '\(seeds),'")
    }
    return Array(0..<list[0])
  }
}
