import HeadTraining
import LVISEvaluation
import TrainingRuns

/// The metrics, times and failures of every method of a comparison, by method and seed.
public struct ComparedResults: Sendable {
  /// The run and the metrics of one method with one seed.
  public struct Outcome: Sendable {
    /// The seed of the training.
    public let seed: UInt64
    /// The run that holds its head.
    public let run: RunFolder
    /// The metrics by name, 0...1; −1 where there is no object to measure one by.
    public let metrics: [String: Double]
    /// Seconds of training, those of the head that it starts from included.
    public let seconds: Double
    /// Its metrics on validation images drawn with replacement; `nil` where there are none.
    public let replicates: MetricReplicates?

    /// Makes an outcome from its run and metrics.
    public init(
      seed: UInt64, run: RunFolder, metrics: [String: Double], seconds: Double, replicates: MetricReplicates? = nil
    ) {
      self.seed = seed
      self.run = run
      self.metrics = metrics
      self.seconds = seconds
      self.replicates = replicates
    }
  }

  /// A method with its settings, and its outcomes with every seed.
  public struct Row: Sendable {
    /// The method as it was asked for; of the winner of a race, the winner.
    public let method: ComparedMethod
    /// Whether it was asked for as the winner of a race.
    public internal(set) var isAuto = false
    /// The method with the learning rate and the parameters that it was trained with.
    public let picked: ComparedMethod
    /// The learning rate that it was trained with; `nil` of the detector's own head.
    public let learningRate: Double?
    /// The epochs that went into its head, those of the head that it starts from included.
    public let epochs: Int
    /// The steps of its own training.
    public let steps: Int
    /// The trials by which learning rate and parameters were picked; `nil` where they were not.
    public let tuning: TuningRecord?
    /// The outcomes by seed; those that diverged are not there.
    public let outcomes: [Outcome]
    /// The errors of seeds that came to nothing, one line each.
    public let failures: [String]

    /// The name in tables: `auto` for the winner of a race, which may be a mean with a long name.
    public var name: String { isAuto ? ComparedMethod.auto.description : method.description }

    /// Makes a row from its settings and its outcomes.
    public init(
      method: ComparedMethod, picked: ComparedMethod, learningRate: Double?, epochs: Int, steps: Int,
      tuning: TuningRecord? = nil, outcomes: [Outcome], failures: [String] = []
    ) {
      self.method = method
      self.picked = picked
      self.learningRate = learningRate
      self.epochs = epochs
      self.steps = steps
      self.tuning = tuning
      self.outcomes = outcomes
      self.failures = failures
    }
  }

  /// The methods in the order in which they were asked for.
  public private(set) var rows: [Row]
  /// The seeds that every method was trained with.
  public let seeds: [UInt64]
  /// The settings; learning rate and seed are the rows'.
  public let settings: TrainingSettings

  /// The race that chose one of the rows; `nil` where all were asked for.
  public internal(set) var race: RaceRecord?

  /// Makes the results of a comparison.
  public init(rows: [Row], seeds: [UInt64], settings: TrainingSettings) {
    self.rows = rows
    self.seeds = seeds
    self.settings = settings
  }
}

/// A mean over seeds and the standard deviation.
public struct MeanAndSpread: Sendable, Equatable {
  /// The mean of the values.
  public let mean: Double
  /// The standard deviation over seeds (n − 1); `nil` of one value.
  public let spread: Double?

  /// Takes the mean and the standard deviation of values; `nil` where there are none.
  public init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    spread =
      values.count > 1
      ? (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count - 1)).squareRoot() : nil
  }
}

extension ComparedResults.Row {
  /// A metric over the seeds; `nil` where it is not defined.
  public func value(_ metric: String) -> MeanAndSpread? {
    MeanAndSpread(outcomes.compactMap { $0.metrics[metric] }.filter { $0 >= 0 })
  }

  /// Seconds of training over the seeds.
  public var seconds: MeanAndSpread? { MeanAndSpread(outcomes.map(\.seconds)) }
}

extension ComparedResults {
  /// How far one method is from another in a metric.
  public struct Difference: Sendable, Equatable {
    /// The second's mean less the first's.
    public let value: Double
    /// The middle 95 % of the paired differences over images drawn and trainings drawn; `nil` where there are none.
    public let interval: ClosedRange<Double>?
  }

  /// The difference of a row to another.
  ///
  /// - Returns: `nil` where one of them has no such metric.
  public func difference(in metric: String, from first: Row, to second: Row) -> Difference? {
    guard let before = first.value(metric), let after = second.value(metric) else { return nil }
    let replicates = [first, second].map { $0.outcomes.compactMap(\.replicates) }
    let value = after.mean - before.mean
    return Difference(
      value: value,
      interval: MetricReplicates.interval(of: metric, from: replicates[0], to: replicates[1], observed: value))
  }

  /// Calls the row that was asked for as the winner of a race so.
  mutating func nameAuto(_ winner: ComparedMethod) {
    for index in rows.indices where rows[index].method == winner { rows[index].isAuto = true }
  }

  /// The rows that are best in a metric: that with the highest mean, and those that cannot be told from it, since the
  /// interval of their difference holds 0.
  ///
  /// - Returns: Nothing where there are fewer than two rows to compare, or no intervals.
  public func best(in metric: String) -> Set<Int> {
    let measured = rows.indices.filter { rows[$0].value(metric) != nil }
    func mean(_ row: Int) -> Double { rows[row].value(metric)?.mean ?? -1 }
    guard measured.count > 1, let top = measured.max(by: { (mean($0), -$0) < (mean($1), -$1) }) else { return [] }
    var best: Set<Int> = [top]
    for row in measured where row != top {
      guard let interval = difference(in: metric, from: rows[row], to: rows[top])?.interval else { return [] }
      if interval.lowerBound <= 0 { best.insert(row) }
    }
    return best
  }
}
