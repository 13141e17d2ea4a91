/// A parameter's values and what each gives on held-out training images, the best one chosen.
public struct ParameterSweep: Sendable, Codable, Equatable {
  /// A value of the parameter and the metrics that it gives.
  public struct Point: Sendable, Codable, Equatable {
    /// The parameter's value.
    public let value: Double
    /// The metrics on held-out images by name, 0...1; −1 where there is no object to measure one by.
    public let metrics: [String: Double]

    /// Makes a point of a value and its metrics.
    public init(value: Double, metrics: [String: Double]) {
      self.value = value
      self.metrics = metrics
    }
  }

  /// The parameter's name.
  public let parameter: String
  /// The metric by which the best value is chosen.
  public let metric: String
  /// The number of images that were held out.
  public let imageCount: Int
  /// The values tried, ascending.
  public let points: [Point]

  /// Makes a sweep.
  public init(parameter: String, metric: String, imageCount: Int, points: [Point]) {
    self.parameter = parameter
    self.metric = metric
    self.imageCount = imageCount
    self.points = points
  }

  /// The point with the best metric; of equal ones the first.
  public var best: Point? {
    var best: Point?
    for point in points where point.metrics[metric] ?? -1 > best?.metrics[metric] ?? -.infinity { best = point }
    return best
  }
}
