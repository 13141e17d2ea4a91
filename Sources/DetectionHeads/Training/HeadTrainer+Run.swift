extension HeadTrainer {
  /// Takes all steps that are left.
  ///
  /// - Parameters:
  ///   - interval: Steps between reports; the end of an epoch is one too.
  ///   - report: Called with the means since the last report.
  /// - Returns: The mean loss of the last epoch.
  /// - Throws: What the source or `report` throws; `TrainingError` when the loss is no number any more.
  @discardableResult
  public func run(reportEvery interval: Int = 50, report: (TrainingMetrics) throws -> Void = { _ in }) throws -> Double
  {
    var accumulator = MetricsAccumulator(componentNames: componentNames)
    var epochLoss = 0.0
    var epochSteps = 0
    while stepsTaken < stepCount {
      if stepsTaken % stepsPerEpoch == 0 { (epochLoss, epochSteps) = (0, 0) }
      let step = try step()
      guard step.loss.isFinite, step.gradientNorm.isFinite else { throw TrainingError.diverged(step: step.number) }
      accumulator.add(step)
      epochLoss += step.loss
      epochSteps += 1
      if stepsTaken % interval == 0 || stepsTaken % stepsPerEpoch == 0, let metrics = accumulator.next() {
        try report(metrics)
      }
    }
    return epochSteps > 0 ? epochLoss / Double(epochSteps) : 0
  }
}

/// Why training stopped.
public enum TrainingError: Error, CustomStringConvertible {
  /// The loss or the gradient is no finite number any more.
  case diverged(step: Int)

  /// One line that says what to do.
  public var description: String {
    switch self {
    case .diverged(let step): "the loss is not finite at step \(step + 1); lower --learning-rate or set --gradient-clip"
    }
  }
}
