import HeadLosses
import HeadTraining
import TrainingRuns

/// The training of a cell on its way, written to disk as it goes.
final class CellTraining {
  let cell: ComparisonCell
  let trainer: HeadTrainer
  private let writer: RunWriter
  private var seconds: Double
  private var lastCheckpoint = ContinuousClock.now
  private static let checkpointInterval = Duration.seconds(30)

  init(cell: ComparisonCell, trainer: HeadTrainer, writer: RunWriter) {
    self.cell = cell
    self.trainer = trainer
    self.writer = writer
    // What it took before it was interrupted is in its lines of metrics.
    var step = 0
    seconds = ((try? writer.partial.metrics()) ?? []).reduce(0) { sum, line in
      defer { step = line.step }
      guard line.roisPerSecond > 0 else { return sum }
      return sum + Double(line.step - step) * trainer.meanBatchCount / line.roisPerSecond
    }
  }

  var isFinished: Bool { trainer.stepsTaken == trainer.stepCount }

  /// Trains up to a step; at the last one the run gets its name.
  ///
  /// - Throws: `TrainingError.interrupted` with a checkpoint saved; what training throws, the run then discarded.
  func run(upTo end: Int, hooks: ComparisonHooks, meter: WorkMeter, detail: String) throws {
    let start = ContinuousClock.now
    var training = TrainingHooks()
    training.checkpointInterval = Self.checkpointInterval
    training.isInterrupted = hooks.isInterrupted
    training.saveCheckpoint = { [writer] in try writer.save($0) }
    var step = trainer.stepsTaken
    training.report = { [writer] metrics in
      try writer.append(metrics)
      meter.add(Double(metrics.step - step), detail)
      step = metrics.step
    }
    do {
      let loss = try trainer.run(training, upTo: end)
      seconds += (ContinuousClock.now - start) / .seconds(1)
      if isFinished {
        try writer.complete(head: trainer.head, result: .init(seconds: seconds, steps: trainer.stepsTaken, loss: loss))
      } else if step < trainer.stepsTaken {
        meter.add(Double(trainer.stepsTaken - step), detail)
      }
    } catch TrainingError.diverged(let at) {
      writer.discard()
      meter.waive(Double(trainer.stepCount - step))
      throw TrainingError.diverged(step: at)
    }
    if !isFinished, ContinuousClock.now - lastCheckpoint >= Self.checkpointInterval { try save() }
  }

  /// Saves a checkpoint.
  func save() throws {
    try writer.save(trainer.checkpoint())
    lastCheckpoint = .now
  }
}
