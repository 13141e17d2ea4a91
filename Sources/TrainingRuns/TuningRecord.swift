/// How settings were chosen: what was tried on held-out training images, and what it came to.
public struct TuningRecord: Sendable, Codable, Equatable {
  /// Settings that were tried.
  public struct Trial: Sendable, Codable, Equatable {
    /// The learning rate.
    public var learningRate: Double
    /// The method's parameters that were not as they are by default.
    public var parameters: [String: String]
    /// What it came to, by name, 0...1, −1 where there is no object to measure it by; `nil` where training diverged.
    public var metrics: [String: Double]?
    /// On how many splits it was tried, over which the metrics are means; `nil` in records of earlier versions.
    public var splits: Int?

    /// Makes a trial.
    public init(
      learningRate: Double, parameters: [String: String], metrics: [String: Double]?, splits: Int? = nil
    ) {
      self.learningRate = learningRate
      self.parameters = parameters
      self.metrics = metrics
      self.splits = splits
    }
  }

  /// The criterion that decided; see `TuningCriterion`.
  public var metric: String
  /// The images held out of the training images.
  public var heldOutImageCount: Int
  /// The objects in them, by foreground group.
  public var heldOutObjectCounts: [Int]
  /// The epochs of a trial.
  public var epochs: Int
  /// In the order in which they were tried.
  public var trials: [Trial]
  /// The trial that was chosen; `nil` in records of earlier versions, which chose the first of the best.
  public var chosenTrial: Int?
  /// By how much the best trial led the default settings: the middle 95 % of the differences, images drawn; `nil` where
  /// the default was the best, or diverged.
  public var lead: [Double]?
  /// Whether the default settings were kept since nothing was better beyond noise.
  public var keptDefault: Bool?

  /// Makes a record.
  public init(metric: String, heldOutImageCount: Int, heldOutObjectCounts: [Int], epochs: Int, trials: [Trial] = []) {
    self.metric = metric
    self.heldOutImageCount = heldOutImageCount
    self.heldOutObjectCounts = heldOutObjectCounts
    self.epochs = epochs
    self.trials = trials
  }

  /// What a trial came to; −∞ where it diverged.
  public func score(of trial: Trial) -> Double {
    trial.metrics.flatMap { TuningCriterion(metric)?.score(of: $0) } ?? -.infinity
  }

  /// The trial that was chosen.
  public var chosen: Trial? {
    if let chosenTrial, trials.indices.contains(chosenTrial) { return trials[chosenTrial] }
    return trials.first { score(of: $0) == trials.map(score).max() }
  }
}
