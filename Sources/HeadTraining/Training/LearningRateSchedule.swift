/// The learning rate as a function of the step: linear warm-up, then steps down at milestones.
public struct LearningRateSchedule: Sendable, Equatable {
  /// The rate after warm-up, before the first milestone.
  public var base: Double
  /// The steps from which on the rate is multiplied by `factor` once more.
  public var milestones: [Int]
  /// The factor of the rate at each milestone; 0.1.
  public var factor = 0.1
  /// Steps over which the rate rises from `warmupRatio · base` to `base`; 0 for none.
  public var warmupSteps: Int
  /// The share of the rate at which warm-up starts, a third (mmdetection's `warmup_ratio`).
  public var warmupRatio = 1.0 / 3

  /// Makes a schedule.
  ///
  /// - Parameters:
  ///   - base: The rate after warm-up.
  ///   - milestones: The steps from which on the rate is multiplied by the factor once more.
  ///   - warmupSteps: The steps of warm-up; 0 for none.
  public init(base: Double, milestones: [Int] = [], warmupSteps: Int = 0) {
    self.base = base
    self.milestones = milestones
    self.warmupSteps = warmupSteps
  }

  /// The rate of a step, from 0 (mmcv `StepLrUpdaterHook` with `warmup='linear'`).
  public func rate(atStep step: Int) -> Double {
    var rate = base
    for milestone in milestones where step >= milestone { rate *= factor }
    guard step < warmupSteps else { return rate }
    return rate * (1 - (1 - Double(step) / Double(warmupSteps)) * (1 - warmupRatio))
  }
}
