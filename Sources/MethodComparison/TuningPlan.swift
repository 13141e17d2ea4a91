import HeadTraining

/// How settings are chosen: the same for every method.
public struct TuningPlan: Sendable, Equatable {
  /// Own parameters of the methods that are tuned after the learning rate.
  public var parameters: [TunedParameter] = []
  /// Trials of the learning rate.
  public var rateTrialCount = 7
  /// The epochs of a trial; the milestones move with them.
  public var epochs: Int
  /// The share of the training images held out.
  public var fraction = 0.2
  /// The metric that decides.
  public var metric = "AP"

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
