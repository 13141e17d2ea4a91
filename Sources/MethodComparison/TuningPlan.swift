import HeadTraining
import TrainingRuns

/// How settings are chosen: the same for every method.
public struct TuningPlan: Sendable, Equatable {
  /// Own parameters of the methods that are tuned after the learning rate.
  public var parameters: [TunedParameter] = []
  /// Trials of the learning rate.
  public var rateTrialCount = 7
  /// The epochs of a trial; the milestones move with them.
  public var epochs: Int
  /// The share of the training images held out of each split.
  public var fraction = 0.2
  /// How many splits of the training images decide: the first among all trials, the others among those that it cannot
  /// tell from the best.
  public var splitCount = 3
  /// How many trials at most the other splits decide among.
  public var contenderCount = 4
  /// How often the held-out images are drawn to tell differences from noise.
  public var replicateCount = 200
  /// What decides.
  public var criterion = TuningCriterion.ap
  /// Fewer held-out objects of a group than this are too few to choose by.
  public var minimumObjectCount = 5

  /// Tunes the learning rate alone.
  public init(epochs: Int) { self.epochs = epochs }

  /// The trials that every method gets. Who has none of the parameters gets as many more learning rates.
  public var trialCount: Int { parameters.reduce(rateTrialCount) { $0 + $1.trialCount } }

  /// The settings of a trial.
  func settings(_ settings: TrainingSettings) -> TrainingSettings {
    var trial = settings
    trial.epochs = epochs
    trial.milestones = settings.milestones.map {
      Int((Double($0) * Double(epochs) / Double(settings.epochs)).rounded())
    }
    return trial
  }
}
