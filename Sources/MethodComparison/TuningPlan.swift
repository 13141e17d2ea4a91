import HeadTraining
import TrainingRuns

/// Trials, epochs and the metric that selects the settings of a method: the same for every method.
public struct TuningPlan: Sendable, Equatable {
  /// The parameters of the methods that are tuned after the learning rate; none by default.
  public var parameters: [TunedParameter] = []
  /// The number of trials of the learning rate; 7 by default.
  public var rateTrialCount = 7
  /// The number of epochs of a trial; the milestones move with them.
  public var epochs: Int
  /// The share of the training images that is held out of each split; 0.2 by default.
  public var fraction = 0.2
  /// The number of splits of the training images that decide, 3 by default: the first among all trials, the others among
  /// those that it cannot tell from the best.
  public var splitCount = 3
  /// The most trials that the other splits decide among; 4 by default.
  public var contenderCount = 4
  /// The number of times that the held-out images are drawn to tell differences from noise; 200 by default.
  public var replicateCount = 200
  /// The criterion that selects; AP by default.
  public var criterion = TuningCriterion.ap
  /// The fewest held-out objects of a group that are enough to choose by; 5 by default.
  public var minimumObjectCount = 5

  /// Plans to tune the learning rate alone, with trials of so many epochs.
  public init(epochs: Int) { self.epochs = epochs }

  /// The number of trials that every method gets; a method without any of the parameters gets as many more learning
  /// rates.
  public var trialCount: Int { parameters.reduce(rateTrialCount) { $0 + $1.trialCount } }
}
