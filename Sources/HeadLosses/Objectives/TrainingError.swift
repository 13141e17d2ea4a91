/// Why training stopped.
public enum TrainingError: Error, CustomStringConvertible {
  /// The loss or the gradient is no finite number any more.
  case diverged(step: Int)
  /// It was asked to stop after so many steps.
  case interrupted(step: Int)
  /// A checkpoint that does not belong to this training.
  case foreignCheckpoint(String)

  /// One line that says what to do.
  public var description: String {
    switch self {
    case .diverged(let step): "the loss is not finite at step \(step + 1); lower --learning-rate or set --gradient-clip"
    case .interrupted(let step): "interrupted after step \(step)"
    case .foreignCheckpoint(let reason): "the checkpoint does not belong to this run: \(reason)"
    }
  }
}
