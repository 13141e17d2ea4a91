import DurableFiles

/// Why training stopped.
public enum TrainingError: CodedError {
  /// The loss or the gradient is no finite number any more.
  case diverged(step: Int)
  /// It was asked to stop after so many steps.
  case interrupted(step: Int)
  /// A checkpoint that does not belong to this training.
  case foreignCheckpoint(String)

  /// The cases without what they carry.
  public enum Code: String, Sendable {
    /// The loss or the gradient is no finite number any more.
    case diverged
    /// It was asked to stop.
    case interrupted
    /// A checkpoint that does not belong to this training.
    case foreignCheckpoint
  }

  /// Which case it is.
  public var code: Code {
    switch self {
    case .diverged: .diverged
    case .interrupted: .interrupted
    case .foreignCheckpoint: .foreignCheckpoint
    }
  }

  /// One line that says what to do.
  public var description: String {
    switch self {
    case .diverged(let step):
      "the loss is not finite at step \(step + 1); lower the learning rate or set a gradient clip"
    case .interrupted(let step): "interrupted after step \(step)"
    case .foreignCheckpoint(let reason): "the checkpoint does not belong to this run: \(reason)"
    }
  }
}
