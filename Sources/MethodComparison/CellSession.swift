import HeadLosses
import HeadTraining
import TrainingRuns

/// The run of a cell on its way: a training, or a calibration that trains.
final class CellSession {
  let cell: ComparisonCell
  let trainer: HeadTrainer
  private let session: RunSession
  /// Makes what the run keeps of what was trained.
  private let finished: (TrainedHead) throws -> TrainedHead

  init(
    _ cell: ComparisonCell, trainer: HeadTrainer, session: RunSession,
    finished: @escaping (TrainedHead) throws -> TrainedHead = { $0 }
  ) {
    self.cell = cell
    self.trainer = trainer
    self.session = session
    self.finished = finished
  }

  var isFinished: Bool { trainer.stepsTaken == trainer.stepCount }

  /// Trains up to a step; at the last one the run gets its name.
  ///
  /// - Throws: `TrainingError.interrupted` with a checkpoint saved; what training throws, the run then discarded.
  func run(upTo end: Int? = nil, hooks: ComparisonHooks, meter: WorkMeter) throws {
    var step = trainer.stepsTaken
    func advance(to now: Int) {
      meter.add(Double(now - step), "\(cell.method), seed \(cell.seed)")
      step = now
    }
    var training = TrainingHooks()
    training.isInterrupted = hooks.isInterrupted
    training.report = { metrics in
      advance(to: metrics.step)
      try hooks.reported(self.cell.run, metrics, self.trainer)
    }
    do {
      try session.train(trainer, training, upTo: end)
      if step < trainer.stepsTaken { advance(to: trainer.stepsTaken) }
      if isFinished {
        let result = try finished(TrainedHead(trainer))
        try session.finish(
          result.head, boxRegressor: result.boxRegressor, boxBranch: result.boxBranch, steps: trainer.stepsTaken)
      }
    } catch TrainingError.diverged(let at) {
      meter.discount(Double(trainer.stepCount - step))
      throw TrainingError.diverged(step: at)
    }
  }

  /// Saves a checkpoint.
  func save() throws { try session.save(trainer.checkpoint()) }
}
