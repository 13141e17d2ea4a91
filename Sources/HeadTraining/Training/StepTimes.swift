/// Where the time of training steps goes, part by part, by the clock on the wall.
public struct StepTimes: Sendable {
  /// A part of a training step.
  public enum Part: Int, CaseIterable, Sendable {
    /// Features and labels of the batch are gathered, and examples mined.
    case reading
    /// The loss looks at the batch and draws the examples that it takes.
    case choosing
    /// The products with the weight.
    case forward
    /// The loss and its gradient.
    case loss
    /// The products with the gradient.
    case backward
    /// The gradient's norm, and the optimiser's step.
    case update
  }

  private var durations = [Duration](repeating: .zero, count: Part.allCases.count)

  /// The seconds that a part took, over all steps.
  public subscript(part: Part) -> Double { durations[part.rawValue] / .seconds(1) }

  /// Adds the time since `start`, and starts anew.
  mutating func add(_ part: Part, since start: inout ContinuousClock.Instant) {
    let now = ContinuousClock.now
    durations[part.rawValue] += now - start
    start = now
  }
}
