import LVISDatasets

/// The 95 % intervals of the metrics of one set of detections, by drawing images with replacement (Efron 1979).
///
/// They say how far a metric would move with other images of the same kind: AP of rare classes, which have few, moves
/// most. A draw leaves out the classes whose few images it misses, so that the draws lie around a value in which the
/// rarest classes count less; the interval is moved so that their mean lies at the metric itself, and kept in 0...1.
public struct MetricIntervals: Sendable, Codable, Equatable {
  /// The number of times that images were drawn.
  public let replicates: Int
  /// The seed of the draws.
  public let seed: UInt64
  /// The two ends of each metric's interval, by its name; one that fewer than 20 draws could measure is left out.
  public let metrics: [String: [Double]]

  init(_ replicates: MetricReplicates, of result: EvaluationResult) {
    (self.replicates, seed) = (replicates.values.count, replicates.seed)
    var metrics: [String: [Double]] = [:]
    for (column, name) in replicates.names.enumerated() {
      let values = replicates.values.map { $0[column] }
      guard let observed = result[name], let interval = middle(of: values) else { continue }
      let measured = values.filter { !$0.isNaN }
      let shift = observed - measured.reduce(0) { $0 + Double($1) } / Double(measured.count)
      metrics[name] = [interval.lowerBound, interval.upperBound].map { min(max($0 + shift, 0), 1) }
    }
    self.metrics = metrics
  }
}

extension LVISEvaluator {
  /// The intervals of the metrics of detections that this evaluator scored.
  ///
  /// - Parameters:
  ///   - scored: The detections.
  ///   - replicates: How many times images are drawn.
  ///   - seed: What the draws come from: the same seed gives the same intervals, on any number of cores.
  ///   - progress: Told, from 0 to 1, how much is done.
  /// - Complexity: Each replicate takes one pass over the detections that count.
  public func intervals(
    of scored: ScoredDetections, replicates: Int = 1000, seed: UInt64 = 0, progress: (Double) -> Void = { _ in }
  ) -> MetricIntervals {
    MetricIntervals(
      self.replicates(
        of: scored.lists, scored.result, objects: objectCountsByImage, imageCount: truth.images.count,
        count: replicates, seed: seed, progress: progress),
      of: scored.result)
  }
}
