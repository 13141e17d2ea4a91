/// A line of `metrics.jsonl`: means over some steps of training.
public struct TrainingMetrics: Sendable, Codable, Equatable {
  /// The number of steps taken at the end of the line.
  public var step: Int
  /// The epoch of the last step, from 0.
  public var epoch: Int
  /// The learning rate η of the last step.
  public var learningRate: Double
  /// The mean loss, the sum of its parts.
  public var loss: Double
  /// The mean of each part of the loss, by name.
  public var losses: [String: Double]
  /// The mean norm ‖g‖₂ of the gradient before clipping.
  public var gradientNorm: Double
  /// The share of `others` among the rows that the groups took; `nil` for methods without groups.
  public var othersShare: Double?
  /// The RoIs that were trained on in a second of wall-clock time.
  public var roisPerSecond: Double

  enum CodingKeys: String, CodingKey {
    case step, epoch, loss, losses
    case learningRate = "learning_rate"
    case gradientNorm = "gradient_norm"
    case othersShare = "others_share"
    case roisPerSecond = "rois_per_second"
  }
}

/// Sums over steps, from which lines of `metrics.jsonl` are made; part of a checkpoint, so that a resumed run writes the
/// same lines.
struct MetricsSums: Sendable, Equatable {
  /// The parts of the loss.
  var losses: [Double]
  var gradientNorm = 0.0
  var roiCount = 0.0
  var foregroundCount = 0.0
  /// Rows that groups with `others` took.
  var groupRowCount = 0.0
  var stepCount = 0.0

  init(componentCount: Int) { losses = Array(repeating: 0, count: componentCount) }

  /// The numbers in the order of `values`; `nil` where there are too few.
  init?(values: [Double]) {
    guard values.count >= 5 else { return nil }
    losses = Array(values.dropFirst(5))
    (gradientNorm, roiCount, foregroundCount, groupRowCount, stepCount) =
      (values[0], values[1], values[2], values[3], values[4])
  }

  /// All numbers, for a checkpoint.
  var values: [Double] { [gradientNorm, roiCount, foregroundCount, groupRowCount, stepCount] + losses }

  mutating func add(_ step: TrainingStep) {
    for index in losses.indices { losses[index] += step.losses[index] }
    gradientNorm += step.gradientNorm
    roiCount += Double(step.roiCount)
    foregroundCount += Double(step.foregroundCount)
    groupRowCount += Double(step.groupRowCount)
    stepCount += 1
  }

  /// The mean loss.
  var meanLoss: Double { stepCount > 0 ? losses.reduce(0, +) / stepCount : 0 }

  /// The means as a line.
  func metrics(after step: TrainingStep, names: [String], seconds: Double) -> TrainingMetrics {
    TrainingMetrics(
      step: step.number + 1, epoch: step.epoch, learningRate: step.learningRate, loss: meanLoss,
      losses: Dictionary(uniqueKeysWithValues: zip(names, losses.map { $0 / stepCount })),
      gradientNorm: gradientNorm / stepCount,
      othersShare: groupRowCount > 0 ? 1 - foregroundCount / groupRowCount : nil,
      roisPerSecond: seconds > 0 ? roiCount / seconds : 0)
  }
}
