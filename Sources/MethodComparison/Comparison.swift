import Foundation
import HeadLosses
import HeadTraining
import LVISEvaluation

/// Trains methods with the same budget and the same seeds on the same RoIs, and scores them.
///
/// Every method with every seed is a run of its own in `FOLDER/runs`, and every trial of tuning a file in
/// `FOLDER/trials`, each named by all that decides it: what was finished is not done again, and what was interrupted goes
/// on where it stopped.
///
/// Several processes, on one machine or on many, may carry out the same comparison in one folder at once: each takes the
/// next run or trial that none has, and what one that was killed had begun, another goes on with. Each returns when all
/// is done, with the same results. Where files cannot be locked, ``share`` divides the runs beforehand.
///
/// A set that stays in memory is trained on by one method after the other. A larger one is trained on by all methods of a
/// seed in turns: they visit the same images in the same order, so it is read from the disk once for all of them.
public struct Comparison {
  /// The training and validation data that all methods share.
  public let set: ComparisonSet
  /// The methods that are compared, in the order of the results.
  public let methods: [ComparedMethod]
  /// The settings of all methods; the learning rate is that of methods that state none and are not tuned.
  public let settings: TrainingSettings
  /// The seeds; every method is trained once with each.
  public let seeds: [UInt64]
  /// The detector's own head, the first row, which the others start from unless they say otherwise; `nil` for none.
  public let ownHead: OwnHead?
  /// The number of times that images are drawn for the intervals of differences; 0 for no intervals.
  public let replicateCount: Int
  /// The plan by which learning rates and parameters are picked; `nil` where they are not.
  public let tuning: TuningPlan?
  /// The race by which ``ComparedMethod/auto`` is chosen; `nil` where it is not among the methods.
  public let race: RacePlan?
  /// Whether every run keeps its detections on the validation images, to be compared and drawn without predicting again.
  public let keepsDetections: Bool
  /// The folder in which runs, trials and results are kept.
  public let folder: String
  /// The program and its version, for the runs' records.
  public let program: String
  /// The part of the runs that is done here, where processes cannot lock files; `nil`, the default, to take what is free.
  public var share: WorkShare?

  /// Describes a comparison; `run(_:)` carries it out.
  ///
  /// - Parameters:
  ///   - methods: The methods that are compared.
  ///   - set: The training and validation data.
  ///   - settings: The settings of all methods.
  ///   - seeds: The seeds; every method is trained once with each.
  ///   - ownHead: The detector's own head. It becomes the first row, and the one that trainings start from.
  ///   - tuning: The plan by which learning rates and parameters are picked; `nil` to pick none.
  ///   - replicateCount: The number of times that images are drawn for the intervals of differences.
  ///   - race: The race by which ``ComparedMethod/auto`` is chosen.
  ///   - keepsDetections: Whether every run keeps its detections, in `detections.safetensors`.
  ///   - folder: The folder in which runs, trials and results are kept.
  ///   - program: The program and its version, for the runs' records.
  public init(
    of methods: [ComparedMethod], on set: ComparisonSet, settings: TrainingSettings, seeds: [UInt64],
    ownHead: OwnHead? = nil, tuning: TuningPlan? = nil, replicateCount: Int = 1000, race: RacePlan? = nil,
    keepsDetections: Bool = false,
    folder: String, program: String
  ) {
    let own = ownHead != nil && !methods.contains(.ownHead) ? [ComparedMethod.ownHead] : []
    self.methods = own + methods.map { $0.starting(fromOwnHead: ownHead != nil) }
    self.ownHead = ownHead
    self.replicateCount = replicateCount
    self.race = race
    self.keepsDetections = keepsDetections
    self.set = set
    self.settings = settings
    self.seeds = seeds
    self.tuning = tuning
    self.folder = folder
    self.program = program
  }

  /// Does what is missing.
  ///
  /// - Parameter hooks: What happens meanwhile.
  /// - Returns: What all methods came to, whether now or before.
  /// - Throws: `TrainingError.interrupted`; ``OtherPartsLeft`` where this part is done and others are not; what reading,
  ///   training, scoring and writing throw. What was finished stays.
  public func run(_ hooks: ComparisonHooks = ComparisonHooks()) throws -> ComparedResults {
    guard methods.contains(where: \.isAuto) else { return try runRows(hooks) }
    guard let race else { throw ComparisonError(.badRecipe, "auto needs the plan of a race") }
    guard share == nil else {
      throw ComparisonError(.badRecipe, "auto is chosen by trials that no part does by itself; name its winner instead")
    }
    let chosen = try winner(of: race, hooks)
    var rows: [ComparedMethod] = []
    for row in methods.map({ $0.isAuto ? chosen.winner : $0 }) where !rows.contains(row) { rows.append(row) }
    var results = try Comparison(
      of: rows, on: set, settings: settings, seeds: seeds, ownHead: ownHead, tuning: tuning,
      replicateCount: replicateCount, keepsDetections: keepsDetections, folder: folder, program: program
    ).run(hooks)
    results.race = chosen.record
    // A winner that was asked for by its own name too keeps that.
    if !methods.contains(chosen.winner) { results.nameAuto(chosen.winner) }
    return results
  }

  /// Races on training images, or on those given to choose settings on; validation images decide nothing.
  private func winner(of plan: RacePlan, _ hooks: ComparisonHooks) throws -> Race.Result {
    var settings = settings
    settings.seed = seeds.first ?? settings.seed
    let race = try Race(
      set.trainingData, settings: settings, plan: plan, ownHead: ownHead, trials: TrialStore(at: "\(folder)/trials"))
    for warning in race.warnings { hooks.finished("warning: \(warning)") }
    let result = try race.run(hooks)
    hooks.finished("auto: \(result.winner)")
    return result
  }

  private func runRows(_ hooks: ComparisonHooks) throws -> ComparedResults {
    let meter = WorkMeter(hooks)
    let rows = methodsAndBases
    for row in rows { meter.expect(Double(seeds.count) * (ownWork(of: row) + scoringWork)) }
    try writePlan(rows, tuned: [:])
    let tuned = try tune(rows, hooks: hooks, meter: meter)
    let known = rowsWithSettings(among: rows, tuned: tuned)
    try writePlan(known, tuned: tuned)
    try work(at: known, tuned: tuned, hooks: hooks, meter: meter)
    if share != nil { try checkOtherParts(of: rows, known: known, tuned: tuned) }
    var state = State()
    try forEachWave(rows, tuned: tuned, state: &state) { cells, state in
      for cell in cells { try collect(cell, into: &state) }
    }
    return ComparedResults(
      rows: methods.map { row(of: $0, tuned: tuned[$0.description], state: state) }, seeds: seeds, settings: settings)
  }

  /// The methods, those that they need before them, each once.
  var methodsAndBases: [ComparedMethod] {
    var all: [ComparedMethod] = []
    for method in methods {
      for needed in method.bases + [method] where !all.contains(needed) { all.append(needed) }
    }
    return all
  }

  var stepsPerEpoch: Int { settings.stepsPerEpoch(imageCount: set.source.imageCount) }

  /// The steps of a method's own training or calibration.
  func ownWork(of method: ComparedMethod) -> Double {
    Double(stepsPerEpoch * ((try? method.ownEpochs(settings)) ?? settings.epochs))
  }

  /// Detection and matching of an image take about as long as a step on it.
  var scoringWork: Double {
    Double(set.validationFeatures.imageCount) / Double(settings.imagesPerBatch)
  }

  private func row(of method: ComparedMethod, tuned: TunedMethod?, state: State) -> ComparedResults.Row {
    let cell = state.cells[method.description]?.first
    let outcomes = (state.outcomes[method.description] ?? []).map { outcome in
      let before = method.bases.compactMap { base in
        state.outcomes[base.description]?.first { $0.seed == outcome.seed }?.seconds
      }
      return ComparedResults.Outcome(
        seed: outcome.seed, run: outcome.run, metrics: outcome.metrics,
        seconds: before.reduce(outcome.seconds, +), replicates: outcome.replicates)
    }
    return ComparedResults.Row(
      method: method, picked: cell?.picked ?? method,
      learningRate: method.isOwnHead || method.isMean
        ? nil : cell?.training?.settings.learningRate ?? settings.learningRate,
      epochs: (method.bases + [method]).reduce(0) { $0 + ((try? $1.ownEpochs(settings)) ?? 0) },
      steps: Int(ownWork(of: method)), tuning: tuned?.record,
      outcomes: outcomes, failures: state.failures[method.description] ?? [])
  }
}
