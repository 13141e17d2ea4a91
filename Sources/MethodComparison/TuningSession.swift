import HeadTraining
import TrainingRuns

/// Which settings of one method are tried next, from what its trials came to so far: rates first, then one parameter after
/// the other, then rates again for what is left of the budget.
struct TuningSession {
  private(set) var trials: [TuningRecord.Trial] = []
  private let method: ComparedMethod
  private let plan: TuningPlan
  private let search: LearningRateSearch
  /// Values of own parameters that wait for their turn.
  private var waiting: [(name: String, values: [String])]

  /// The rate of a method that has none to search for: the one that it states, or that of the head it calibrates.
  private let fixedRate: Double

  init(_ method: ComparedMethod, plan: TuningPlan, settings: TrainingSettings, baseRate: Double?) {
    self.method = method
    self.plan = plan
    search = LearningRateSearch(from: method.firstLearningRate(settings))
    fixedRate = method.learningRate ?? baseRate ?? settings.learningRate
    let declared = method.ownParameters
    // What the user gave is not tuned.
    waiting = plan.parameters.compactMap { tuned in
      guard method.ownChoice.parameters[tuned.name] == nil,
        let parameter = declared.first(where: { $0.name == tuned.name })
      else { return nil }
      return (tuned.name, tuned.candidates(for: parameter, current: parameter.defaultValue))
    }
  }

  /// The best trial; of equal ones the first.
  var best: TuningRecord.Trial? {
    trials.reduce(nil) { best, trial in
      guard let best else { return trial }
      return score(trial) > score(best) ? trial : best
    }
  }

  private func score(_ trial: TuningRecord.Trial) -> Double {
    trial.metrics.flatMap { plan.criterion.score(of: $0) } ?? -.infinity
  }

  mutating func add(_ trial: TuningRecord.Trial) { trials.append(trial) }

  /// The settings to try next; `nil` when the budget is spent or nothing is left to try.
  mutating func next() -> (learningRate: Double, parameters: [String: String])? {
    guard trials.count < plan.trialCount else { return nil }
    let given = method.ownChoice.parameters
    if !method.hasFreeLearningRate {
      if trials.isEmpty { return (fixedRate, given) }
    } else if trials.count < plan.rateTrialCount {
      return nextRate(for: given).map { ($0, given) } ?? nextParameter()
    }
    if let next = nextParameter() { return next }
    guard method.hasFreeLearningRate, let best else { return nil }
    return nextRate(for: best.parameters).map { ($0, best.parameters) }
  }

  /// Searches among the trials with the same parameters; where these were found late, around their rate.
  private func nextRate(for parameters: [String: String]) -> Double? {
    let same = trials.filter { $0.parameters == parameters }.map {
      LearningRateSearch.Point(rate: $0.learningRate, score: score($0))
    }
    if parameters != method.ownChoice.parameters, let rate = same.first?.rate {
      return LearningRateSearch(from: rate / 2, factor: 2).next(after: same)
    }
    return search.next(after: same)
  }

  private mutating func nextParameter() -> (learningRate: Double, parameters: [String: String])? {
    while let (name, values) = waiting.first, let best {
      guard let value = values.first else {
        waiting.removeFirst()
        continue
      }
      waiting[0].values.removeFirst()
      var parameters = best.parameters
      parameters[name] = value
      if method.with(learningRate: best.learningRate, parameters: parameters).isValid {
        return (best.learningRate, parameters)
      }
    }
    return nil
  }
}
