import DetectionHeads
import Foundation
import HeadLosses
import HeadTraining
import LVISEvaluation
import TrainingRuns

/// Races rows on images that are held out (successive halving; Jamieson and Talwalkar, AISTATS 2016), and says which is
/// to be trained.
///
/// First every row is tried at five learning rates, with short trials on one split. Of the rates that the images cannot tell
/// from the best the middle one is taken. The best row, then the best in each group of
/// classes, come to whole trials, at that rate and a lower one, then to the other splits; there the means of the best heads take part too (``MeanLayout``). Where several lead and the images cannot tell
/// them apart, the mean of the most heads wins, since a mean varies less than its parts.
///
/// Where the detector's own head is given, and training images are held out that it has seen, heads that have not stand for
/// it; see `StandInHead`.
public final class Race {
  /// The row that won, its learning rate stated, and how the race was run.
  public struct Result: Sendable {
    /// The row to be trained; ``ComparedMethod/ownHead`` where nothing is better than that.
    public let winner: ComparedMethod
    /// The rows and their metrics.
    public let record: RaceRecord
  }

  /// The findings about the images that decide, which a user should know, one line each.
  public let warnings: [String]
  private let runner: TrialRunner
  let set: TuningData
  private let plan: RacePlan
  let settings: TrainingSettings
  let ownHead: OwnHead?
  private let isUnseen: Bool
  /// What the others are compared with.
  private let reference: ComparedMethod

  /// Puts images aside.
  ///
  /// - Parameters:
  ///   - set: The training data.
  ///   - settings: The recipe; its learning rate is the middle of those that are tried.
  ///   - plan: Who takes part, and for how long.
  ///   - ownHead: The detector's own head, which rows start from; `nil` to start from random weights.
  ///   - trials: Where trials are kept and looked up; `nil` for nowhere.
  /// - Throws: As `HeldOutImages`; `ComparisonError` where so few objects of a group are held out that they decide nothing.
  public init(
    _ set: TuningData, settings: TrainingSettings, plan: RacePlan, ownHead: OwnHead? = nil, trials: TrialStore? = nil
  ) throws {
    if let maps = (set.source as? LabelledMapSet)?.maps, maps.statedTower ?? 0 > 0 {
      throw ComparisonError(
        .badRecipe,
        "\(maps.path): a race is of last layers, whose means are one layer again; these maps stand below "
          + "\(maps.statedTower ?? 0) convolutions: give those of the classification tower's output")
    }
    self.set = set
    self.plan = plan
    self.settings = settings
    self.ownHead = ownHead
    isUnseen = set.unseen != nil
    reference = ownHead == nil ? ComparedMethod(set.plainMethod) : .ownHead
    runner = try TrialRunner(
      set, settings: settings, architecture: HeadArchitecture(), fraction: plan.fraction, splitCount: plan.splitCount,
      replicateCount: plan.replicateCount, trials: trials, startingFrom: nil, ownHead: ownHead, matching: .ids,
      classWeights: nil)
    runner.keepsHeads = true
    warnings = try runner.warnings(groups: set.groups, minimumObjectCount: plan.minimumObjectCount)
  }

  /// The work of the race, in steps of training; a rate is tried in about as much time as any other.
  public var work: Double {
    let short = plan.contestants.reduce(0) { $0 + runner.work(of: $1, epochs: plan.shortEpochs) * rateCount(of: $1) }
    let whole = runner.work(of: ComparedMethod(set.plainMethod), epochs: plan.epochs)
    let finals = Double(plan.finalistCount) * (2 + Double(runner.splits.count - 1)) * whole
    return short + finals + (needsStandIns ? whole * Double(runner.splits.count + 2) : 0)
  }

  private var needsStandIns: Bool { ownHead != nil && !isUnseen }
  private func rateCount(of row: ComparedMethod) -> Double { row.hasFreeLearningRate ? Double(halves.count) : 1 }

  /// The learning rates that are tried at first, in half powers of ten: fresh weights bear higher ones than those that are
  /// trained already.
  private var halves: ClosedRange<Int> {
    ownHead == nil ? 0...4 : -2...2
  }

  /// The learning rate so many half powers of ten above the one that was given.
  private func rate(_ halves: Int) -> Double {
    LearningRateSearch.rounded(settings.learningRate * pow(10, Double(halves) / 2))
  }

  private func lower(_ rate: Double) -> Double {
    self.rate(Int((2 * log10(rate / settings.learningRate)).rounded()) - 1)
  }

  /// A row in the race.
  private struct Runner {
    var row: ComparedMethod
    var rung = 1
    var epochs: Int
    var tried: TriedSettings
  }

  /// Runs the race.
  ///
  /// - Parameter hooks: What happens meanwhile.
  /// - Throws: `TrainingError.interrupted`; `ComparisonError` where training diverges at every rate of every row; what
  ///   reading, training and scoring throw.
  public func run(_ hooks: ComparisonHooks = ComparisonHooks()) throws -> Result {
    let meter = WorkMeter(hooks)
    meter.expect(work)
    return try run(hooks, meter: meter)
  }

  func run(_ hooks: ComparisonHooks, meter: WorkMeter) throws -> Result {
    func context(_ epochs: Int, _ split: Int, _ detail: String) -> TrialRunner.Context {
      TrialRunner.Context(epochs: epochs, split: split, hooks: hooks, meter: meter, detail: detail)
    }
    // Trials that were shared out are looked up afterwards: their work was counted.
    let lookups = runner.sharesTrials ? WorkMeter(ComparisonHooks()) : meter
    func known(_ epochs: Int, _ split: Int, _ detail: String) -> TrialRunner.Context {
      TrialRunner.Context(epochs: epochs, split: split, hooks: hooks, meter: lookups, detail: detail)
    }
    if let ownHead, needsStandIns {
      try runner.trainStandIns(
        for: ownHead, firstRate: settings.learningRate,
        in: context(max(plan.epochs, 12), 0, "race: a head without the images held out"))
    }
    // Rung 1.
    var field: [Runner] = []
    let contestants = plan.contestants.map { $0.starting(fromOwnHead: ownHead != nil) }
    func firstHalves(of row: ComparedMethod) -> ClosedRange<Int> { row.hasFreeLearningRate ? self.halves : 0...0 }
    func firstDetail(_ row: ComparedMethod, _ rate: Double) -> String {
      "race, rung 1: \(row) at \(settingText(rate))"
    }
    try runner.share(
      contestants.flatMap { row in
        firstHalves(of: row).map(rate).map {
          (stated(row, $0), context(plan.shortEpochs, 0, firstDetail(row, $0)))
        }
      })
    for row in contestants {
      func trial(_ rate: Double) throws -> TriedSettings {
        var settings = TriedSettings(learningRate: rate, parameters: row.ownChoice.parameters)
        settings.outcomes = [
          try outcome(of: row, at: rate, in: known(plan.shortEpochs, 0, firstDetail(row, rate)))
        ]
        return settings
      }
      var halves = firstHalves(of: row)
      var tried = try halves.map { try trial(rate($0)) }
      // Further out where the best rate is the last of them, and leads its neighbour beyond noise.
      while row.hasFreeLearningRate, halves.count < 10, let end = plan.openEnd(of: tried) {
        halves = end == 0 ? halves.lowerBound - 1...halves.upperBound : halves.lowerBound...halves.upperBound + 1
        lookups.expect(runner.work(of: row, epochs: plan.shortEpochs))
        tried.insert(try trial(rate(end == 0 ? halves.lowerBound : halves.upperBound)), at: end == 0 ? 0 : tried.count)
      }
      guard let middle = plan.middle(of: tried) else { continue }
      field.append(Runner(row: stated(row, middle.learningRate), epochs: plan.shortEpochs, tried: middle))
    }
    guard !field.isEmpty else {
      throw ComparisonError(.diverged, "training diverged at every learning rate of every method")
    }
    field.sort { score($0) > score($1) }
    // Rung 2: the best, the best of those that train nothing, and what they are compared with.
    var finalists = plan.finalists(among: field.filter { $0.row.calibration == nil }) { $0.tried.trial }
    if let untrained = field.first(where: { $0.row.calibration != nil }) { finalists.append(untrained) }
    if ownHead == nil, !finalists.contains(where: { isReference($0.row) }),
      let plain = field.first(where: { isReference($0.row) })
    {
      finalists.append(plain)
    }
    let untried = TriedSettings(learningRate: 0, parameters: [:])
    if ownHead != nil { finalists.append(Runner(row: .ownHead, epochs: plan.epochs, tried: untried)) }
    func secondRates(of row: ComparedMethod) -> [Double] { row.learningRate.map { [$0, lower($0)] } ?? [0] }
    func secondRow(_ row: ComparedMethod, _ rate: Double) -> ComparedMethod {
      row.learningRate == nil ? row : stated(row, rate)
    }
    try runner.share(
      finalists.map(\.row).flatMap { row in
        secondRates(of: row).map { rate in
          let row = secondRow(row, rate)
          return (stated(row, rate), context(plan.epochs, 0, "race, rung 2: \(row)"))
        }
      })
    for index in finalists.indices {
      var runner = finalists[index]
      (runner.rung, runner.epochs) = (2, plan.epochs)
      let tries = try secondRates(of: runner.row).map { rate in
        var tried = TriedSettings(learningRate: rate, parameters: runner.row.ownChoice.parameters)
        let row = secondRow(runner.row, rate)
        tried.outcomes = [try outcome(of: row, at: rate, in: known(plan.epochs, 0, "race, rung 2: \(row)"))]
        return (row, tried)
      }
      // The lower rate only where it is better beyond noise: what changes a head least is flattered most.
      let lowerLead = tries.count > 1 ? plan.criterion.lead(of: tries[1].1, over: tries[0].1) : nil
      let isLowerBetter =
        tries.count > 1 && tries[1].1.trial.metrics != nil
        && (tries[0].1.trial.metrics == nil || (lowerLead?.lowerBound ?? 0) > 0)
      (runner.row, runner.tried) = tries[isLowerBetter ? 1 : 0]
      finalists[index] = runner
    }
    // Rung 3: the other splits, and means of the best.
    try runner.share(
      runner.splits.indices.dropFirst().flatMap { split in
        finalists.map {
          (stated($0.row, $0.tried.learningRate), context(plan.epochs, split, "race, rung 3: \($0.row)"))
        }
      })
    for index in finalists.indices { try finish(&finalists[index], known) }
    let trained = finalists.filter { $0.row != .ownHead && $0.row.calibration == nil }.sorted { score($0) > score($1) }
    for count in 2...max(2, plan.finalistCount) where count <= trained.count {
      var mean = Runner(row: .mean(of: trained.prefix(count).map(\.row)), epochs: plan.epochs, tried: untried)
      do {
        mean.tried.outcomes = [
          try runner.outcome(of: mean.row, in: context(plan.epochs, 0, "race, rung 3: \(mean.row)"))
        ]
        try finish(&mean, context)
        finalists.append(mean)
      } catch is LinearHeadError {
        // Heads that do not go together.
      }
    }
    return result(finalists, others: field)
  }

  /// Tries a row on the splits that it was not tried on.
  private func finish(_ runner: inout Runner, _ context: (Int, Int, String) -> TrialRunner.Context) throws {
    runner.rung = 3
    for split in self.runner.splits.indices.dropFirst(runner.tried.outcomes.count) {
      runner.tried.outcomes.append(
        try outcome(
          of: runner.row, at: runner.tried.learningRate, in: context(plan.epochs, split, "race, rung 3: \(runner.row)"))
      )
    }
  }

  private func outcome(
    of row: ComparedMethod, at rate: Double, in context: TrialRunner.Context
  ) throws -> TrialOutcome? {
    do {
      return try runner.outcome(of: row.isMean || row.isOwnHead ? row : stated(row, rate), in: context)
    } catch let error as LinearHeadError where row.calibration != nil {
      context.hooks.finished("race: \(row) is left out: \(error)")
      return nil
    }
  }

  private func stated(_ row: ComparedMethod, _ rate: Double) -> ComparedMethod {
    var row = row
    if row.calibration == nil, !row.isOwnHead { row.learningRate = rate }
    return row
  }

  private func isReference(_ row: ComparedMethod) -> Bool {
    var row = row
    row.learningRate = nil
    return row == reference
  }

  private func score(_ runner: Runner) -> Double { plan.criterion.score(of: runner.tried.trial) }

  private func result(_ finalists: [Runner], others: [Runner]) -> Result {
    let ranked = finalists.sorted { score($0) > score($1) }
    let base = ranked.first { isReference($0.row) }
    // What falls short of the head that is there is no winner, even where the images cannot tell.
    let better = ranked.filter { runner in base.map { score(runner) > score($0) } ?? true }
    let index = plan.winner(among: better.map(\.tried), partCounts: better.map { max(1, $0.row.members.count) })
    func entry(_ runner: Runner) -> RaceRecord.Entry {
      var lead: [Double]?
      if runner.rung == 3, let base, !isReference(runner.row),
        let interval = plan.criterion.lead(of: runner.tried, over: base.tried)
      {
        lead = [score(runner) - score(base), interval.lowerBound, interval.upperBound]
      }
      return RaceRecord.Entry(
        name: runner.row.description, rung: runner.rung, epochs: runner.epochs, metrics: runner.tried.trial.metrics,
        lead: lead)
    }
    let names = Set(finalists.map { withoutRate($0.row) })
    let winner = index.map { better[$0].row } ?? base?.row ?? reference
    let record = RaceRecord(
      criterion: plan.criterion.description, reference: (base?.row ?? reference).description,
      standInLearningRate: runner.standIns.first?.learningRate, usesUnseenImages: isUnseen,
      heldOutImageCount: runner.splits.reduce(0) { $0 + $1.features.imageCount },
      heldOutObjectCounts: runner.heldOutObjectCounts(splits: runner.splits.count),
      entries: ranked.map(entry) + others.filter { !names.contains(withoutRate($0.row)) }.map(entry),
      winner: winner.description)
    return Result(winner: winner, record: record)
  }

  private func withoutRate(_ row: ComparedMethod) -> String {
    var row = row
    row.learningRate = nil
    return row.description
  }
}

extension RacePlan {
  /// Those that come to whole trials: the best, the best of each group of classes, since heads that are best in different
  /// groups complement each other, then the best of the others.
  ///
  /// - Parameters:
  ///   - field: Who takes part, the best first.
  ///   - trial: The trial of each.
  func finalists<Contestant>(
    among field: [Contestant], _ trial: (Contestant) -> TuningRecord.Trial
  ) -> [Contestant] {
    let trials = field.map(trial)
    let groups = TuningCriterion.groups.metrics(among: Set(trials.flatMap { ($0.metrics ?? [:]).keys }))
    func value(_ place: Int, _ metric: String) -> Double { trials[place].metrics?[metric] ?? -1 }
    var order = Array(field.indices.prefix(1))
    for metric in groups {
      let best = field.indices.max { (value($0, metric), -$0) < (value($1, metric), -$1) }
      if let best, !order.contains(best) { order.append(best) }
    }
    return (order + field.indices.filter { !order.contains($0) }).prefix(max(1, finalistCount)).map { field[$0] }
  }

  /// The end of trials in the order of their rates, 0 or the last place, at which a better one may lie beyond: that of the
  /// best, where it leads its neighbour beyond noise; `nil` where there is none.
  func openEnd(of tried: [TriedSettings]) -> Int? {
    let scores = tried.map { criterion.score(of: $0.trial) }
    guard let best = tried.indices.max(by: { scores[$0] < scores[$1] }), scores[best].isFinite, tried.count > 1,
      best == 0 || best == tried.count - 1
    else { return nil }
    let neighbour = tried[best == 0 ? 1 : best - 1]
    return (criterion.lead(of: tried[best], over: neighbour)?.lowerBound ?? 1) > 0 ? best : nil
  }

  /// Of trials in the order of their rates the middle one of those around the best that cannot be told from it; `nil` where
  /// all diverged.
  func middle(of tried: [TriedSettings]) -> TriedSettings? {
    let scores = tried.map { criterion.score(of: $0.trial) }
    guard let best = tried.indices.max(by: { scores[$0] < scores[$1] }), scores[best].isFinite else { return nil }
    func isAsGood(_ index: Int) -> Bool {
      guard scores[index].isFinite else { return false }
      return (criterion.lead(of: tried[best], over: tried[index])?.lowerBound ?? 1) <= 0
    }
    var (first, last) = (best, best)
    while first > 0, isAsGood(first - 1) { first -= 1 }
    while last + 1 < tried.count, isAsGood(last + 1) { last += 1 }
    return tried[(first + last) / 2]
  }

  /// The place of the winner among trials, the best first: of those that cannot be told from the best the mean of the
  /// most heads, else the best; `nil` where there is none.
  func winner(among tried: [TriedSettings], partCounts: [Int]) -> Int? {
    let floor = criterion.bound.map { bound in
      (tried.compactMap { $0.trial.metrics?["AP"] }.max() ?? 0) - bound / 100
    }
    let allowed = tried.indices.filter { index in
      floor.map { (tried[index].trial.metrics?["AP"] ?? -1) >= $0 } ?? true
    }
    guard let best = allowed.first else { return nil }
    let equal = allowed.filter {
      $0 == best || (criterion.lead(of: tried[best], over: tried[$0])?.lowerBound ?? 1) <= 0
    }
    return equal.max { (partCounts[$0], -$0) < (partCounts[$1], -$1) } ?? best
  }
}
