/// The learning rate as a function of the step: linear warm-up, then steps down at milestones.
public struct LearningRateSchedule: Sendable, Equatable {
  /// The rate after warm-up.
  public var base: Double
  /// The steps from which on the rate is multiplied by `factor` once more.
  public var milestones: [Int]
  /// What a milestone multiplies the rate by.
  public var factor = 0.1
  /// Steps over which the rate rises from `warmupRatio · base` to `base`; 0 for none.
  public var warmupSteps: Int
  /// Where warm-up starts; mmdetection's `warmup_ratio`.
  public var warmupRatio = 1.0 / 3

  /// Makes a schedule.
  public init(base: Double, milestones: [Int] = [], warmupSteps: Int = 0) {
    self.base = base
    self.milestones = milestones
    self.warmupSteps = warmupSteps
  }

  /// The rate of a step, the first being 0 (mmcv `StepLrUpdaterHook` with `warmup='linear'`).
  public func rate(atStep step: Int) -> Double {
    var rate = base
    for milestone in milestones where step >= milestone { rate *= factor }
    guard step < warmupSteps else { return rate }
    return rate * (1 - (1 - Double(step) / Double(warmupSteps)) * (1 - warmupRatio))
  }
}
