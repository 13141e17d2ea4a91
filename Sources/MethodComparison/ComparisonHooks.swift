import HeadTraining
import TrainingRuns

/// Closures that a comparison calls while it runs, for its progress and its interruption.
public struct ComparisonHooks {
  /// Called now and then with the share of the work that is done, and what is done now.
  public var progress: (_ fraction: Double, _ detail: String) -> Void = { _, _ in }
  /// Called with a line about every piece of work when it is finished.
  public var finished: (String) -> Void = { _ in }
  /// Called with every report of a run's training: the run, what it says, and the trainer.
  public var reported: (RunFolder, TrainingMetrics, HeadTrainer) throws -> Void = { _, _, _ in }
  /// Asked after every step; where it says yes, work stops where it can go on.
  public var isInterrupted: () -> Bool = { false }

  /// Makes hooks that do nothing; set those that are wanted.
  public init() {}
}

/// Counts work in steps of training.
final class WorkMeter {
  private var total = 0.0
  private var done = 0.0
  private let hooks: ComparisonHooks

  init(_ hooks: ComparisonHooks) { self.hooks = hooks }

  /// There is more to do.
  func expect(_ work: Double) { total += work }

  /// Some of the work that was expected need not be done.
  func discount(_ work: Double) { total -= work }

  /// Some of it is done.
  func add(_ work: Double, _ detail: @autoclosure () -> String) {
    done += work
    hooks.progress(total > 0 ? min(1, done / total) : 1, detail())
  }
}
