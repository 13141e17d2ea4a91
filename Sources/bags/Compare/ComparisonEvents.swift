import BalancedGroupSoftmax
import Foundation

/// The events that `bags compare --tensorboard` writes: a folder for every run, with its curves while it is trained, and
/// its AP on the validation images at the end.
final class ComparisonEvents {
  private let logs: String
  /// By the run's path.
  private var open: [String: TrainingEvents] = [:]

  /// Writes to folders of the runs' names in the one that TensorBoard is started with.
  init(in logs: String) { self.logs = logs }

  /// Writes what a report of training says, and before the first one of this session what the run said earlier.
  func write(_ metrics: TrainingMetrics, of run: RunFolder, trainer: HeadTrainer) throws {
    if let events = open[run.path] { return try events.write(metrics, of: trainer) }
    let events = try TrainingEvents(in: logs, ofRunAt: run.path)
    open[run.path] = events
    // A run that goes on has lines from before; the last one is this report's.
    for line in try RunFolder(at: run.partialPath).metrics().dropLast() { try events.write(line) }
    try events.write(metrics, of: trainer)
  }

  /// Writes the metrics of a run; of one that was finished before and has no events yet, its curves too.
  func finish(_ outcome: ComparedResults.Outcome) throws {
    let path = outcome.run.path
    let hasCurves = FileManager.default.fileExists(atPath: outcome.run.metricsPath)
    let lines = hasCurves ? try outcome.run.metrics() : []
    let events: TrainingEvents
    if let writing = open[path] {
      events = writing
    } else {
      guard try TrainingEvents.files(in: logs, ofRunAt: path).isEmpty else { return }
      events = try TrainingEvents(in: logs, ofRunAt: path)
      for line in lines { try events.write(line) }
    }
    try events.write(validation: outcome.metrics, step: lines.last?.step ?? 0)
  }
}
