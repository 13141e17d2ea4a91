import HeadTraining

/// Trials, epochs and the metric that selects the settings of a method: the same for every method.
public struct TuningPlan: Sendable, Equatable {
  /// The parameters of the methods that are tuned after the learning rate; none by default.
  public var parameters: [TunedParameter] = []
  /// The number of trials of the learning rate; 7 by default.
  public var rateTrialCount = 7
  /// The number of epochs of a trial; the milestones move with them.
  public var epochs: Int
  /// The share of the training images that is held out; 0.2 by default.
  public var fraction = 0.2
  /// The metric that selects, `AP` by default.
  public var metric = "AP"

  /// Plans to tune the learning rate alone, with trials of so many epochs.
  public init(epochs: Int) { self.epochs = epochs }

  /// The number of trials that every method gets; a method without any of the parameters gets as many more learning
  /// rates.
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
