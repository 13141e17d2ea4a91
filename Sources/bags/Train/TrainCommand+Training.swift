import BalancedGroupSoftmax
import Communication
import Foundation

extension TrainCommand {
  /// Trains; the first process keeps the run, the others have no session and take their part of every step.
  func train(
    _ trainer: HeadTrainer, in session: RunSession?, ranks: any Communicator,
    makeEvents: () throws -> TrainingEvents?
  ) throws {
    let start = ContinuousClock.now
    let stepsBefore = trainer.stepsTaken
    let progress = ProgressLine("epoch")
    var hooks = TrainingHooks()
    hooks.checkpointInterval = .seconds(checkpointInterval)
    hooks.isInterrupted = { Interruption.isPending }
    guard let session else {
      _ = try Ranks.together { try trainer.run(hooks) }
      return
    }
    let result: RunRecord.Result
    do {
      defer { progress.finish() }
      let events = try makeEvents()
      hooks.report = { metrics in
        try events?.write(metrics, of: trainer)
        progress.update(
          Double(metrics.step) / Double(trainer.stepCount), detail: summary(of: metrics, trainer: trainer))
      }
      try Ranks.together { try session.train(trainer, hooks) }
      result = try session.finish(
        trainer.head, boxRegressor: trainer.boxRegressor, boxBranch: trainer.boxBranch, steps: trainer.stepsTaken)
    } catch {
      if !session.hasCheckpoint { session.discard() }
      throw session.adding(resumptionTo: error)
    }
    try report(
      trainer, steps: trainer.stepsTaken - stepsBefore, seconds: seconds(ContinuousClock.now - start),
      loss: result.loss, path: session.folder.path, processes: ranks.count)
  }

  private func summary(of metrics: TrainingMetrics, trainer: HeadTrainer) -> String {
    let parts = trainer.componentNames.map { "\($0) \(String(format: "%.3f", metrics.losses[$0] ?? 0))" }
    return
      "\(metrics.epoch + 1)/\(trainer.settings.epochs)  \(grouped(Int(metrics.roisPerSecond))) \(trainer.exampleWord)/s  "
      + "loss \(String(format: "%.3f", metrics.loss)) (\(parts.joined(separator: " ")))"
  }

  private func report(
    _ trainer: HeadTrainer, steps: Int, seconds: Double, loss: Double, path: String, processes: Int
  ) throws {
    let roisPerSecond = Double(steps) / max(seconds, 1e-9) * trainer.meanBatchCount
    let communication =
      processes > 1 ? trainer.communicationTime / .seconds(1) / max(seconds, 1e-9) : nil
    if format.isJSON {
      try printJSON(
        TrainingSummary(
          run: path, method: trainer.head.method, steps: steps, loss: loss, seconds: seconds,
          rois_per_second: roisPerSecond, processes: processes > 1 ? processes : nil,
          communication_share: communication))
    } else {
      StandardStreams.result(
        "\(path): \(grouped(steps)) steps in \(ProgressLine.duration(seconds)) (\(grouped(Int(roisPerSecond))) \(trainer.exampleWord)/s), "
          + "loss \(String(format: "%.4f", loss)) in the last epoch")
      if let communication {
        StandardStreams.result(
          "\(processes) processes, \(trainer.settings.shards ?? 0) shards: communication, and waiting for each other, took "
            + String(format: "%.0f %% of the time", 100 * communication))
      }
    }
  }
}

extension HeadTrainer {
  /// What the examples are called.
  fileprivate var exampleWord: String { head.layout.anchorsPerLocation == nil ? "RoIs" : "anchors" }
}

/// What `bags train --format json` prints.
private struct TrainingSummary: Encodable {
  var run: String
  var method: String
  var steps: Int
  var loss: Double
  var seconds: Double
  var rois_per_second: Double
  /// Where there are several.
  var processes: Int?
  var communication_share: Double?
}
