/// A line of `metrics.jsonl`: means over some steps of training.
public struct TrainingMetrics: Sendable, Codable, Equatable {
  /// Steps taken at the end of the line.
  public var step: Int
  /// The epoch, from 0.
  public var epoch: Int
  /// η of the last step.
  public var learningRate: Double
  /// The loss.
  public var loss: Double
  /// The parts of the loss by name.
  public var losses: [String: Double]
  /// ‖g‖₂ before clipping.
  public var gradientNorm: Double
  /// Of the rows that the groups took, the share whose label there is `others`; `nil` for methods without groups.
  public var othersShare: Double?
  /// RoIs a second of wall-clock time.
  public var roisPerSecond: Double

  enum CodingKeys: String, CodingKey {
    case step, epoch, loss, losses
    case learningRate = "learning_rate"
    case gradientNorm = "gradient_norm"
    case othersShare = "others_share"
    case roisPerSecond = "rois_per_second"
  }
}

/// Gathers steps into lines of `metrics.jsonl`.
struct MetricsAccumulator {
  private let componentNames: [String]
  private var steps: [TrainingStep] = []
  private var start = ContinuousClock.now

  init(componentNames: [String]) { self.componentNames = componentNames }

  mutating func add(_ step: TrainingStep) { steps.append(step) }

  /// The means of the steps since the last call; `nil` where there were none.
  mutating func next() -> TrainingMetrics? {
    guard let last = steps.last else { return nil }
    defer {
      steps.removeAll(keepingCapacity: true)
      start = .now
    }
    let count = Double(steps.count)
    func mean(_ value: (TrainingStep) -> Double) -> Double { steps.reduce(0) { $0 + value($1) } / count }
    let elapsed = start.duration(to: .now) / .seconds(1)
    let groupRows = steps.reduce(0) { $0 + $1.keptRowCounts.dropFirst().reduce(0, +) }
    let foreground = steps.reduce(0) { $0 + $1.foregroundCount }
    return TrainingMetrics(
      step: last.number + 1, epoch: last.epoch, learningRate: last.learningRate, loss: mean(\.loss),
      losses: Dictionary(
        uniqueKeysWithValues: componentNames.enumerated().map { index, name in (name, mean { $0.losses[index] }) }),
      gradientNorm: mean(\.gradientNorm),
      othersShare: groupRows > 0 ? 1 - Double(foreground) / Double(groupRows) : nil,
      roisPerSecond: elapsed > 0 ? Double(steps.reduce(0) { $0 + $1.roiCount }) / elapsed : 0)
  }
}
