import DetectionHeads
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import LVISEvaluation

/// Trains methods with the same budget and the same seeds on the same RoIs, and scores them.
///
/// Every method with every seed is a run of its own in `FOLDER/runs`, and every trial of tuning a file in
/// `FOLDER/trials`, each named by all that decides it: what was finished is not done again, and what was interrupted goes
/// on where it stopped.
///
/// Several processes, on one machine or on many, may carry out the same comparison in one folder at once: each takes the
/// next run or trial that none has, and what one that was killed had begun, another goes on with. Each returns when all
/// is done, with the same results.
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
  /// - Throws: `TrainingError.interrupted`; what reading, training, scoring and writing throw. What was finished stays.
  public func run(_ hooks: ComparisonHooks = ComparisonHooks()) throws -> ComparedResults {
    guard methods.contains(where: \.isAuto) else { return try runRows(hooks) }
    guard let race else { throw ComparisonError(.badRecipe, "auto needs the plan of a race") }
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
    let tuned = try tune(rows, hooks: hooks, meter: meter)
    var counted: Set<String> = []
    while try workAtWhatIsFree(rows, tuned: tuned, counted: &counted, hooks: hooks, meter: meter) {}
    var state = State()
    try forEachWave(rows, tuned: tuned, state: &state) { cells, state in
      for cell in cells { try collect(cell, into: &state) }
    }
    return ComparedResults(
      rows: methods.map { row(of: $0, tuned: tuned[$0.description], state: state) }, seeds: seeds, settings: settings)
  }

  /// What was found so far, by method.
  private struct State {
    var cells: [String: [ComparisonCell]] = [:]
    var outcomes: [String: [ComparedResults.Outcome]] = [:]
    var failures: [String: [String]] = [:]
  }

  /// The methods, those that they need before them, each once.
  private var methodsAndBases: [ComparedMethod] {
    var all: [ComparedMethod] = []
    for method in methods {
      for needed in method.bases + [method] where !all.contains(needed) { all.append(needed) }
    }
    return all
  }

  private var stepsPerEpoch: Int { settings.stepsPerEpoch(imageCount: set.source.imageCount) }

  /// The steps of a method's own training or calibration.
  private func ownWork(of method: ComparedMethod) -> Double {
    Double(stepsPerEpoch * ((try? method.ownEpochs(settings)) ?? settings.epochs))
  }

  /// Detection and matching of an image take about as long as a step on it.
  private var scoringWork: Double {
    Double(set.validationFeatures.imageCount) / Double(settings.imagesPerBatch)
  }

  // MARK: Tuning

  private func tune(
    _ rows: [ComparedMethod], hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> [String: TunedMethod] {
    guard let tuning else { return [:] }
    let data = set.trainingData
    var settings = settings
    settings.seed = seeds.first ?? settings.seed
    let tuner = try Tuner(
      data, settings: settings, plan: tuning, trials: TrialStore(at: "\(folder)/trials"), ownHead: ownHead)
    let rows = rows.filter { $0 != .ownHead && !$0.isMean }
    for warning in tuner.warnings { hooks.finished("warning: \(warning)") }
    for row in rows { meter.expect(tuner.work(of: row)) }
    var tuned: [String: TunedMethod] = [:]
    tuner.yields = true
    var (left, meter) = (rows, meter)
    while !left.isEmpty {
      var taken: [ComparedMethod] = []
      for row in left {
        do {
          let result = try tuner.tune(row, hooks: hooks, meter: meter)
          tuned[row.description] = result
          hooks.finished("\(row): \(result.summary)")
        } catch is WorkTakenError {
          taken.append(row)
        }
      }
      if taken.count == left.count { try WorkClaims.wait(hooks) }
      left = taken
      // What is looked up once more was counted before.
      meter = WorkMeter(ComparisonHooks())
    }
    return tuned
  }

  // MARK: Training and scoring

  /// Calls `body` with the cells of every seed, those that others need before those that need them.
  private func forEachWave(
    _ rows: [ComparedMethod], tuned: [String: TunedMethod], state: inout State,
    _ body: ([ComparisonCell], inout State) throws -> Void
  ) throws {
    for seed in seeds {
      for depth in 0...(rows.map(\.bases.count).max() ?? 0) {
        var cells: [ComparisonCell] = []
        for row in rows where row.bases.count == depth {
          let base = row.base.flatMap { state.cells[$0.description]?.last }
          let cell = try ComparisonCell(
            row, tuned: tuned[row.description], settings: settings, seed: seed, base: base,
            members: row.members.compactMap { state.cells[$0.description]?.last }, own: ownHead,
            data: set.trainingData, folder: "\(folder)/runs")
          cells.append(cell)
          state.cells[row.description, default: []].append(cell)
        }
        try body(cells, &state)
      }
    }
  }

  private var claims: WorkClaims { WorkClaims(at: "\(folder)/claims") }

  /// Goes once through all cells, and works at those that are not done and that no other process has.
  ///
  /// - Parameter counted: The cells whose work was counted as done, by name.
  /// - Returns: Whether there may be more to do.
  private func workAtWhatIsFree(
    _ rows: [ComparedMethod], tuned: [String: TunedMethod], counted: inout Set<String>, hooks: ComparisonHooks,
    meter: WorkMeter
  ) throws -> Bool {
    var (isLeft, hasWorked) = (false, false)
    // Those that failed, and those that need them.
    var hopeless: Set<String> = []
    var state = State()
    // Larger than memory, the set is read once for all cells of a wave.
    let isStreamed = set.source.featureByteCount > settings.memoryLimit
    try forEachWave(rows, tuned: tuned, state: &state) { cells, _ in
      var mine: [(cell: ComparisonCell, claim: WorkClaims.Claim)] = []
      var due: [ComparisonCell] = []
      defer { for (_, claim) in mine { claim.release() } }
      for cell in cells {
        if try isDone(cell) {
          if counted.insert(cell.claimName).inserted { meter.discount(ownWork(of: cell.method) + scoringWork) }
          continue
        }
        if claims.failure(of: cell.claimName) != nil || cell.needs.contains(where: { hopeless.contains($0.path) }) {
          hopeless.insert(cell.run.path)
          continue
        }
        isLeft = true
        guard cell.isTrained || cell.hasBase, let claim = try claims.claim(cell.claimName) else { continue }
        mine.append((cell, claim))
        if try isDone(cell) || claims.failure(of: cell.claimName) != nil { continue }
        due.append(cell)
        counted.insert(cell.claimName)
        hasWorked = true
        if !isStreamed {
          try work(at: [cell], hooks: hooks, meter: meter)
          mine.removeLast()
          claim.release()
        }
      }
      if isStreamed { try work(at: due, hooks: hooks, meter: meter) }
    }
    if isLeft, !hasWorked { try WorkClaims.wait(hooks) }
    return isLeft
  }

  /// Whether a cell is trained and scored.
  private func isDone(_ cell: ComparisonCell) throws -> Bool {
    let digest = try set.validationDigest()
    return try cell.isTrained && cell.savedMetrics(digest: digest) != nil
      && (replicateCount == 0 || cell.savedReplicates(digest: digest, count: replicateCount) != nil)
      && (!keepsDetections || cell.hasDetections(digest: digest))
  }

  /// Trains and scores cells of one seed that nobody else works at; keeps why they fail.
  private func work(at cells: [ComparisonCell], hooks: ComparisonHooks, meter: WorkMeter) throws {
    let due = cells.filter { cell in
      if cell.isTrained { meter.discount(ownWork(of: cell.method)) }
      return !cell.isTrained
    }
    if let ownHead { for cell in due where cell.method == .ownHead { try cell.keep(ownHead, program: program) } }
    var failures = try train(
      due.filter { $0.calibration == nil && $0.training != nil }, hooks: hooks, meter: meter)
    for cell in due {
      do {
        if let work = cell.calibration {
          try cell.calibrate(work, on: set.trainingData, program: program, hooks: hooks, meter: meter)
        } else if cell.method.isMean {
          try cell.average(program: program)
        }
      } catch TrainingError.diverged(let step) {
        failures.append((cell, TrainingError.diverged(step: step).description))
      } catch let error where error is LinearHeadError || error is MethodParameterError || error is TrainingRecipeError
      {
        failures.append((cell, "\(error)"))
      }
    }
    for (cell, failure) in failures { try claims.fail(cell.claimName, failure) }
    for cell in cells where cell.isTrained { _ = try score(cell, hooks: hooks, meter: meter) }
  }

  /// Puts what a cell came to beside the others.
  private func collect(_ cell: ComparisonCell, into state: inout State) throws {
    let name = cell.method.description
    // One head, whatever the seed.
    if cell.method == .ownHead, state.outcomes[name] != nil { return }
    if cell.isTrained {
      let outcome = try score(cell, hooks: ComparisonHooks(), meter: WorkMeter(ComparisonHooks()))
      state.outcomes[name, default: []].append(outcome)
    } else if let failure = claims.failure(of: cell.claimName) {
      state.failures[name, default: []].append("seed \(cell.seed): \(failure)")
    }
  }

  /// Trains cells; returns what is wrong with those that diverged.
  private func train(
    _ cells: [ComparisonCell], hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> [(ComparisonCell, String)] {
    guard set.source.featureByteCount > settings.memoryLimit else {
      // One after the other: what is finished is there the sooner.
      return try cells.flatMap { try trainInTurns([$0], stepsATurn: Int.max, hooks: hooks, meter: meter) }
    }
    let batchBytes = set.source.featureByteCount / stepsPerEpoch
    return try trainInTurns(
      cells, stepsATurn: max(1, settings.memoryLimit / 8 / max(1, batchBytes)), hooks: hooks, meter: meter)
  }

  /// Trains cells in turns, the one that is furthest behind first.
  private func trainInTurns(
    _ cells: [ComparisonCell], stepsATurn: Int, hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> [(ComparisonCell, String)] {
    var failures: [(ComparisonCell, String)] = []
    var running: [CellSession] = []
    for cell in cells {
      guard let training = cell.training else { continue }
      do {
        running.append(try cell.startTraining(training, on: set.trainingData, own: ownHead, program: program))
      } catch let error as InitialHeadError {
        failures.append((cell, "it cannot start from the given head: \(error)"))
        meter.discount(ownWork(of: cell.method))
      }
    }
    for training in running { meter.discount(Double(training.trainer.stepsTaken)) }
    while let behind = running.min(by: { $0.trainer.stepsTaken < $1.trainer.stepsTaken }) {
      let taken = behind.trainer.stepsTaken
      let end = stepsATurn == .max ? behind.trainer.stepCount : (taken / stepsATurn + 1) * stepsATurn
      do {
        try behind.run(upTo: end, hooks: hooks, meter: meter)
        if behind.isFinished { running.removeAll { $0 === behind } }
      } catch TrainingError.diverged(let step) {
        failures.append((behind.cell, TrainingError.diverged(step: step).description))
        running.removeAll { $0 === behind }
      } catch TrainingError.interrupted(let step) {
        for other in running where other !== behind { try other.save() }
        throw TrainingError.interrupted(step: step)
      }
    }
    return failures
  }

  private func score(
    _ cell: ComparisonCell, hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> ComparedResults.Outcome {
    let digest = try set.validationDigest()
    var metrics = try cell.savedMetrics(digest: digest)
    var replicates = try cell.savedReplicates(digest: digest, count: replicateCount)
    let lacksDetections = keepsDetections && !cell.hasDetections(digest: digest)
    if metrics == nil || (replicates == nil && replicateCount > 0) || lacksDetections {
      let trained = try TrainedHead(of: cell.run)
      let scored: ScoredDetections
      if lacksDetections {
        var detections = DetectionColumns()
        scored = try set.score(trained.head, boxRegressor: trained.boxRegressor, keeping: &detections)
        try cell.save(detections, digest: digest)
      } else {
        scored = try set.score(trained.head, boxRegressor: trained.boxRegressor)
      }
      if replicateCount > 0 {
        let drawn = set.replicates(of: scored, count: replicateCount)
        try cell.save(drawn, digest: digest)
        replicates = drawn
      }
      try cell.save(scored.result, digest: digest)
      metrics = scored.result.metricsByName
      meter.add(scoringWork, "\(cell.name): scored")
      hooks.finished("\(cell.name): AP \(fixed(100 * (scored.result["AP"] ?? -1)))")
    } else {
      meter.discount(scoringWork)
    }
    return ComparedResults.Outcome(
      seed: cell.seed, run: cell.run, metrics: metrics ?? [:], seconds: try cell.run.record().result?.seconds ?? 0,
      replicates: replicateCount > 0 ? replicates : nil)
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

/// A percentage with two decimals.
private func fixed(_ value: Double) -> String { String(format: "%.2f", value) }
