import ArgumentParser
import BalancedGroupSoftmax
import Foundation

struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Change a trained head after training: logit adjustment, FRACAL, τ-norm, NorCal, LWS, cRT and others.",
    usage: "bags calibrate [<run|head>] --method <name> [<the method's own options>] [<options>]",
    discussion: """
      \(CalibrationMethod.all.map { "\($0.name): \($0.summary) (\($0.source))." }.joined(separator: "\n"))

      The head named stays as it is (the latest run's where none is named); the calibrated one is a run of its own, which \
      `bags predict` and `bags report` take as any other. tau-norm, post-hoc-adjustment, norcal, \
      logn, lws, crt and tail-finetune give an ordinary layer that goes back into the detector, as fracal does of a softmax \
      head; tau-norm-select, ncm and competition, and fracal of a sigmoid head, score in a way of their own. The anchors of \
      a dense head are calibrated one by one. `bags methods NAME` lists \
      a method's options.

      --sweep tries values of a parameter and takes the best. It scores them on a part of the *training* images, never on \
      those that you evaluate on. What trains does not train on that part while values are tried. The head itself has \
      seen it: which value is best there is a guide, how good it is there says nothing.

      One that trains (lws, crt, tail-finetune) and is interrupted stands at runs/NAME.partial; --resume goes on with it \
      and ends with the same head, byte for byte.

      EXAMPLES
        bags calibrate runs/softmax --method tau-norm --tau 0.7
        bags calibrate runs/softmax --method post-hoc-adjustment --sweep tau=0:1.5:.1
        bags calibrate runs/softmax --method norcal --sweep gamma=0:1:.1
        bags calibrate detector_head.safetensors --method fracal --features features/train --annotations train.json
        bags calibrate detector_head.safetensors --method ncm --features features/train --annotations train.json
        bags calibrate retinanet.safetensors --annotations train.json --method competition --tau .4
        bags calibrate runs/softmax --method crt --output runs/crt
        bags calibrate --resume runs/crt
      """)

  @Argument(
    parsing: .allUnrecognized, help: .init("A run, or a head file (default: the latest run).", valueName: "run|head"))
  var words: [String] = []

  @Option(
    help: .init("What to do: \(CalibrationMethod.all.map(\.name).joined(separator: ", ")).", valueName: "name"),
    completion: .list(CalibrationMethod.all.map(\.name)))
  var method: String?

  @OptionGroup(title: "Sweep") var sweeping: SweepOptions
  @OptionGroup(title: "Input") var input: CalibrationInputOptions

  @Option(help: "Images a batch, where something is trained.")
  var imagesPerBatch = 16

  @Option(help: "Where all randomness comes from.")
  var seed: UInt64 = 0

  @Option(
    help: "Threads (default: the processors that this process may use). The last bits of what is trained depend on it.")
  var threads: Int?

  @Option(
    help: .init(
      "Features that may stay in memory, such as 500M or 4G; a larger set is streamed from disk.", valueName: "size"))
  var memoryLimit = ByteCount(4 << 30)

  @Option(
    help: .init("Where the run goes (default: runs/METHOD-TIME).", valueName: "folder"), completion: .directory)
  var output: String?

  @Option(
    help: .init("Go on with an interrupted calibration, with its own settings.", valueName: "run"),
    completion: .directory)
  var resume: String?

  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func validate() throws {
    if resume != nil { return }
    let (method, given, _) = try choice()
    try sweeping.check(method, given: given)
    if let fault = settings.fault { throw ValidationError(withOption(fault)) }
  }

  func run() throws {
    if let resume {
      try self.resume(RunSession.resume(named: resume, by: "calibrate"))
    } else {
      try begin()
    }
  }

  private func begin() throws {
    let (way, given, named) = try choice()
    let path = output ?? freshRunPath(for: way.name)
    try overwrite.check(path)
    let reason = way.needsFeatures ? way.name : sweeping.sweep == nil ? nil : "--sweep"
    let input = try input.load(named, readingRoIsFor: reason)
    StandardStreams.show(input.data?.findings ?? [])
    if let source = input.data?.source { StandardStreams.note("\(way.name): \(source.roiText)") }

    let job = CalibrationJob(input: input)
    var method = MethodChoice(name: way.name, parameters: given)
    let start = ContinuousClock.now
    let sweep: ParameterSweep?
    do {
      sweep = try sweeping.sweep.map {
        try job.sweep($0, of: method, settings: settings, holdingOut: sweeping.heldOut)
      }
    } catch {
      throw Interruption.isPending ? CommandFailure("\(error); nothing was written, a sweep begins anew") : error
    }
    if let sweep, let best = sweep.best { method.parameters[sweep.parameter] = settingText(best.value) }
    let recipe = try CalibrationRecipe(method, settings: settings)
    let (head, _) = try job.calibrate(recipe) {
      var record = try RunRecord(
        of: recipe, on: input.head, at: input.path, trainedBy: input.record, source: input.data?.source,
        inputs: input.given, program: Program.name)
      record.sweep = sweep
      return try RunSession.begin(record, groups: input.head.groups, at: path, overwriting: overwrite)
    }
    try report(path, calibrated: head, recipe: recipe, sweep: sweep, seconds: seconds(ContinuousClock.now - start))
  }

  private func resume(_ session: RunSession) throws {
    guard let recipe = session.record.calibration, let way = CalibrationMethod.named(recipe.method.name) else { return }
    let start = ContinuousClock.now
    let input = try CalibrationInputOptions.load(resuming: session, readingRoIs: way.needsFeatures)
    StandardStreams.note(
      "\(session.folder.path): going on after step \(grouped(session.checkpoint?.stepsTaken ?? 0))")
    let (head, _) = try CalibrationJob(input: input).calibrate(recipe) { session }
    try report(
      session.folder.path, calibrated: head, recipe: recipe, sweep: session.record.sweep,
      seconds: seconds(ContinuousClock.now - start))
  }

  /// The method, its parameters that were given, and the head.
  private func choice() throws -> (method: CalibrationMethod, given: [String: String], head: String?) {
    guard let method else { throw ValidationError("Missing expected argument '--method <name>'") }
    _ = try chosen(method, of: CalibrationMethod.self, parameters: [:])
    guard let way = CalibrationMethod.named(method) else { throw ValidationError("there is no such calibration") }
    let (given, arguments) = try DeclaredOptions(method: way, command: Self.self).read(words)
    if arguments.count > 1 { throw ValidationError("Unexpected argument '\(arguments[1])'") }
    return (way, given, arguments.first)
  }

  private var settings: TrainingSettings {
    var settings = TrainingSettings()
    settings.imagesPerBatch = imagesPerBatch
    settings.seed = seed
    settings.memoryLimit = memoryLimit.value
    settings.threads = threads ?? DefaultThreads.count
    return settings
  }

  private func report(
    _ path: String, calibrated: LinearHead, recipe: CalibrationRecipe, sweep: ParameterSweep?, seconds: Double
  ) throws {
    if format.isJSON {
      try printJSON(
        CalibrationSummary(
          run: path, method: calibrated.method, layout: calibrated.layout.name, parameters: recipe.method.parameters,
          sweep: sweep, seconds: seconds))
      return
    }
    if let sweep { StandardStreams.result(sweep.table() + "\n") }
    let values = recipe.method.parameters.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(
      separator: ", ")
    StandardStreams.result(
      "\(path): \(calibrated.method)" + (values.isEmpty ? "" : " (\(values))")
        + ", a head of layout \(calibrated.layout.name), in \(ProgressLine.duration(seconds))")
  }
}

/// What `bags calibrate --format json` prints.
private struct CalibrationSummary: Encodable {
  var run: String
  var method: String
  var layout: String
  var parameters: [String: String]
  var sweep: ParameterSweep?
  var seconds: Double
}

extension ParameterSweep {
  /// Its values with their metrics, the one taken marked.
  fileprivate func table() -> String {
    let names = ["AP", "APr", "APc", "APf"] + (points.first?.metrics.keys.filter { $0.isGroupAP }.sorted() ?? [])
    var table = TextTable([(parameter, .right)] + names.map { ($0, .right) } + [("", .left)])
    for point in points {
      table.add(
        [settingText(point.value)] + names.map { EvaluationTables.percent(point.metrics[$0]) }
          + [point == best ? "taken" : ""])
    }
    return table.rendered() + "\non \(grouped(imageCount)) held-out training images, by \(metric)"
  }
}

extension String {
  /// AP1, AP2, …: not AP50 and AP75.
  fileprivate var isGroupAP: Bool {
    hasPrefix("AP") && !["AP50", "AP75"].contains(self) && Int(dropFirst(2)) != nil
  }
}
