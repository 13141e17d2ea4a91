import HeadLosses

/// What happens while a training runs.
public struct TrainingHooks {
  /// Steps between reports; the end of an epoch is one too.
  public var reportInterval = 50
  /// Called with the means since the last report.
  public var report: (TrainingMetrics) throws -> Void = { _ in }
  /// Time between checkpoints; there is one at the end too.
  public var checkpointInterval = Duration.seconds(30)
  /// Called with everything needed to go on from here.
  public var saveCheckpoint: ((TrainingCheckpoint) throws -> Void)?
  /// Asked after every step; when it says yes, a checkpoint is saved and training stops.
  public var isInterrupted: () -> Bool = { false }

  /// Hooks that do nothing.
  public init() {}
}

extension HeadTrainer {
  /// Takes all steps that are left, or those up to a number.
  ///
  /// - Parameters:
  ///   - hooks: What happens meanwhile.
  ///   - end: How many steps to have taken in all; `nil` for the whole training. Trainers that run in turns over the same
  ///     images read a set that is larger than memory once.
  /// - Returns: The mean loss of the last epoch.
  /// - Throws: What the source or a hook throws; `TrainingError` when the loss is no number any more, or when training
  ///   was interrupted.
  @discardableResult
  public func run(_ hooks: TrainingHooks = TrainingHooks(), upTo end: Int? = nil) throws -> Double {
    var lineStart = ContinuousClock.now - lineTime
    var lastCheckpoint = ContinuousClock.now
    defer { lineTime = ContinuousClock.now - lineStart }
    while stepsTaken < min(stepCount, end ?? stepCount) {
      let step = try step()
      guard step.loss.isFinite, step.gradientNorm.isFinite else { throw TrainingError.diverged(step: step.number) }
      if stepsTaken % hooks.reportInterval == 0 || stepsTaken % stepsPerEpoch == 0 {
        let now = ContinuousClock.now
        let seconds = (now - lineStart) / .seconds(1)
        try hooks.report(lineSums.metrics(after: step, names: componentNames, seconds: seconds))
        lineSums = MetricsSums(componentCount: componentNames.count)
        lineStart = now
      }
      let isInterrupted = stepsTaken < stepCount && hooks.isInterrupted()
      if let save = hooks.saveCheckpoint,
        isInterrupted || stepsTaken == stepCount || ContinuousClock.now - lastCheckpoint >= hooks.checkpointInterval
      {
        try save(checkpoint())
        lastCheckpoint = .now
      }
      if isInterrupted { throw TrainingError.interrupted(step: stepsTaken) }
    }
    return epochSums.meanLoss
  }
}
