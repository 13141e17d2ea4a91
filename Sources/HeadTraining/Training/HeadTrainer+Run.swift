import HeadLosses

/// Closures that a training calls while it runs, for its progress, its checkpoints and its interruption.
public struct TrainingHooks {
  /// The number of steps between reports, 50 by default; there is one at the end of each epoch too.
  public var reportInterval = 50
  /// Called with the means since the last report.
  public var report: (TrainingMetrics) throws -> Void = { _ in }
  /// The time between checkpoints, 30 seconds by default; there is one at the end too.
  public var checkpointInterval = Duration.seconds(30)
  /// Called with a checkpoint to save; `nil`, the default, to save none.
  public var saveCheckpoint: ((TrainingCheckpoint) throws -> Void)?
  /// Asked after every step; where it says yes, a checkpoint is saved and training stops.
  public var isInterrupted: () -> Bool = { false }

  /// Makes hooks that do nothing; set those that are wanted.
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
    sharing?.isInterrupted = hooks.isInterrupted
    defer { sharing?.isInterrupted = { false } }
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
      // Processes that share a step stop behind the same one.
      let isInterrupted = stepsTaken < stepCount && (sharing?.isSomeoneInterrupted ?? hooks.isInterrupted())
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
