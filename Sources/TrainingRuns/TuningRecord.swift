/// The trials on held-out training images by which settings were chosen, and their metrics.
public struct TuningRecord: Sendable, Codable, Equatable {
  /// Settings that were tried, and the metrics that they gave.
  public struct Trial: Sendable, Codable, Equatable {
    /// The learning rate.
    public var learningRate: Double
    /// The method's parameters that were not as they are by default.
    public var parameters: [String: String]
    /// The metrics by name, 0...1, −1 where there is no object to measure one by; `nil` where training diverged.
    public var metrics: [String: Double]?

    /// Makes a trial.
    public init(learningRate: Double, parameters: [String: String], metrics: [String: Double]?) {
      self.learningRate = learningRate
      self.parameters = parameters
      self.metrics = metrics
    }
  }

  /// The metric that selects, such as `AP`.
  public var metric: String
  /// The number of images held out of the training images.
  public var heldOutImageCount: Int
  /// The number of objects in them, by foreground group.
  public var heldOutObjectCounts: [Int]
  /// The number of epochs of a trial.
  public var epochs: Int
  /// The trials in the order in which they were tried.
  public var trials: [Trial]

  /// Makes a record.
  public init(metric: String, heldOutImageCount: Int, heldOutObjectCounts: [Int], epochs: Int, trials: [Trial] = []) {
    self.metric = metric
    self.heldOutImageCount = heldOutImageCount
    self.heldOutObjectCounts = heldOutObjectCounts
    self.epochs = epochs
    self.trials = trials
  }

  /// The value of the metric that selects; −∞ where the trial diverged.
  public func score(of trial: Trial) -> Double { trial.metrics?[metric] ?? -.infinity }
}
