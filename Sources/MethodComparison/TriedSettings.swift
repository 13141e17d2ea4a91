import LVISEvaluation
import TrainingRuns

/// What one trial on one split came to.
package struct TrialOutcome: Codable, Equatable {
  package var metrics: [String: Double]
  /// The metrics on draws of the split's images.
  package var replicates: MetricReplicates

  package init(metrics: [String: Double], replicates: MetricReplicates) {
    (self.metrics, self.replicates) = (metrics, replicates)
  }
}

/// Settings that were tried, and what they came to on each split; `nil` where training diverged.
package struct TriedSettings {
  package let learningRate: Double
  package let parameters: [String: String]
  package var outcomes: [TrialOutcome?] = []

  package init(learningRate: Double, parameters: [String: String]) {
    (self.learningRate, self.parameters) = (learningRate, parameters)
  }

  /// As the record has it: metrics are means over the splits.
  package var trial: TuningRecord.Trial {
    let known = outcomes.compactMap(\.self)
    var metrics: [String: Double]?
    if known.count == outcomes.count, !known.isEmpty {
      let names = Set(known.flatMap(\.metrics.keys))
      metrics = Dictionary(
        uniqueKeysWithValues: names.compactMap { name in
          let values = known.compactMap { $0.metrics[name] }.filter { $0 >= 0 }
          return values.isEmpty ? nil : (name, values.reduce(0, +) / Double(values.count))
        })
    }
    return TuningRecord.Trial(
      learningRate: learningRate, parameters: parameters, metrics: metrics, splits: outcomes.count)
  }

  /// On all splits together, draw by draw.
  var replicates: MetricReplicates? {
    let known = outcomes.compactMap { $0?.replicates }
    return known.count == outcomes.count ? MetricReplicates.mean(of: known) : nil
  }
}

extension TuningPlan {
  /// What was chosen, and by how much the best led the default settings.
  package struct Choice: Equatable {
    package var index: Int
    package var lead: ClosedRange<Double>?
    package var keptDefault: Bool
  }

  /// Which trials the first split cannot tell from its best, the best first; the default settings, tried first, are among
  /// them unless they diverged.
  package func contenders(among tried: [TriedSettings]) -> [Int] {
    let scores = tried.map { criterion.score(of: $0.trial) }
    let order = tried.indices.filter { scores[$0].isFinite }.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
    guard let best = order.first else { return [] }
    var contenders = order.filter { index in
      guard index != best, let lead = criterion.lead(of: tried[best], over: tried[index]) else { return index == best }
      return lead.lowerBound <= 0
    }
    contenders = Array(contenders.prefix(contenderCount - 1))
    if scores[0].isFinite, !contenders.contains(0) { contenders.append(0) }
    return contenders
  }

  /// The best of the contenders by the mean over all splits; the default settings where it does not lead them beyond
  /// noise.
  package func choice(among tried: [TriedSettings], _ contenders: [Int]) -> Choice {
    let candidates = contenders.isEmpty ? Array(tried.indices) : contenders
    let trials = tried.map(\.trial)
    let floor = criterion.bound.map { bound in
      (candidates.compactMap { trials[$0].metrics?["AP"] }.max() ?? 0) - bound / 100
    }
    let allowed = candidates.filter { index in floor.map { (trials[index].metrics?["AP"] ?? -1) >= $0 } ?? true }
    let best =
      allowed.sorted { (-criterion.score(of: trials[$0]), $0) < (-criterion.score(of: trials[$1]), $1) }.first ?? 0
    guard best != 0, allowed.contains(0), trials[0].metrics != nil else {
      return Choice(index: best, lead: nil, keptDefault: false)
    }
    let lead = criterion.lead(of: tried[best], over: tried[0])
    let isClear = lead.map { $0.lowerBound > 0 } ?? true
    return Choice(index: isClear ? best : 0, lead: lead, keptDefault: !isClear)
  }
}

extension TuningCriterion {
  /// The value of the criterion; −∞ where training diverged.
  func score(of trial: TuningRecord.Trial) -> Double { trial.metrics.flatMap { score(of: $0) } ?? -.infinity }

  /// By how much one leads the other, 95 % of images drawn; `nil` where one of them diverged.
  func lead(of one: TriedSettings, over other: TriedSettings) -> ClosedRange<Double>? {
    guard let first = other.replicates, let second = one.replicates else { return nil }
    return MetricReplicates.interval(
      ofMean: metrics(among: first.names), from: [first], to: [second],
      observed: score(of: one.trial) - score(of: other.trial))
  }
}
