import DetectionHeads
import LVISEvaluation
import TrainingRuns

extension ParameterSweep {
  /// Tries values of a parameter on held-out training images.
  ///
  /// - Parameters:
  ///   - parameter: The parameter's name.
  ///   - values: To try, ascending.
  ///   - images: What is scored on.
  ///   - metric: The metric by which the best value is chosen.
  ///   - progress: Called after each value with the number of those done.
  ///   - head: Makes the head for a value.
  /// - Throws: What `head` or scoring throws.
  public init(
    trying parameter: String, over values: [Double], on images: HeldOutImages, by metric: String = "AP",
    progress: (Int) -> Void = { _ in }, head: (Double) throws -> LinearHead
  ) throws {
    var points: [Point] = []
    for value in values {
      let result = try images.evaluate(try head(value))
      points.append(Point(value: value, metrics: result.metricsByName))
      progress(points.count)
    }
    self.init(parameter: parameter, metric: metric, imageCount: images.features.imageCount, points: points)
  }
}
