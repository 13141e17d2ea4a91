import LVISDatasets

/// The metrics of one set of detections on images drawn with replacement, draw after draw (Efron 1979).
///
/// The draws depend on the seed and the number of images alone, so replicates of two sets on the same ground truth are
/// pairs: their differences are those of the paired bootstrap.
public struct MetricReplicates: Sendable, Equatable, Codable {
  /// The metrics: AP, AP50, AP75, APr, APc, APf, and AP1...APn where groups were given.
  public let names: [String]
  /// What the draws come from.
  public let seed: UInt64
  /// By replicate, then metric, from 0 to 1; not a number where a draw has no object to measure a metric by.
  public let values: [[Float]]

  /// Makes replicates from what was stored.
  ///
  /// - Parameters:
  ///   - names: The metrics.
  ///   - seed: What the draws come from.
  ///   - values: By replicate, then metric.
  /// - Returns: `nil` where a replicate does not hold one value for each metric.
  public init?(names: [String], seed: UInt64, values: [[Float]]) {
    guard values.allSatisfy({ $0.count == names.count }) else { return nil }
    (self.names, self.seed, self.values) = (names, seed, values)
  }

  private enum CodingKeys: CodingKey { case names, seed, values }

  /// Reads replicates.
  ///
  /// - Throws: `DecodingError` where one does not hold one value for each metric.
  public init(from decoder: any Decoder) throws {
    let stored = try decoder.container(keyedBy: CodingKeys.self)
    let (names, seed) = (
      try stored.decode([String].self, forKey: .names), try stored.decode(UInt64.self, forKey: .seed)
    )
    guard let read = Self(names: names, seed: seed, values: try stored.decode([[Float]].self, forKey: .values)) else {
      throw DecodingError.dataCorruptedError(
        forKey: .values, in: stored, debugDescription: "a replicate needs \(names.count) values, one for each metric")
    }
    self = read
  }

  /// The means of replicates on several sets of images, draw by draw.
  ///
  /// - Parameter parts: As many replicates of each, of the same metrics.
  /// - Returns: `nil` where they do not go together. A metric that some parts cannot measure is the mean of the others.
  public static func mean(of parts: [MetricReplicates]) -> MetricReplicates? {
    guard let first = parts.first,
      parts.allSatisfy({ $0.names == first.names && $0.values.count == first.values.count })
    else { return nil }
    return MetricReplicates(
      first.names, first.seed,
      first.values.indices.map { replicate in
        first.names.indices.map { metric in
          let values = parts.map { $0.values[replicate][metric] }.filter { !$0.isNaN }
          return values.isEmpty ? .nan : values.reduce(0, +) / Float(values.count)
        }
      })
  }

  fileprivate init(_ names: [String], _ seed: UInt64, _ values: [[Float]]) {
    (self.names, self.seed, self.values) = (names, seed, values)
  }

  /// The middle 95 % of the differences of a metric between two methods, each trained with one seed or several.
  ///
  /// In each replicate both are scored on the same images; of each method as many trainings are drawn, with replacement,
  /// as there are, and their mean counts. So the interval holds the chance of the images and that of the trainings.
  ///
  /// - Parameters:
  ///   - metric: The metric's name.
  ///   - second: One element for each training of the method that is judged.
  ///   - first: One element for each training of the method that it is compared with.
  ///   - observed: The difference on the images themselves. A draw leaves out the classes whose few images it misses, so
  ///     the differences lie around a value in which the rarest classes count less; given this, the interval is moved so
  ///     that their mean lies at it. `nil` to leave the interval where it is.
  /// - Returns: `nil` where fewer than 20 replicates could be measured, or the draws are not the same.
  public static func interval(
    of metric: String, from first: [MetricReplicates], to second: [MetricReplicates], observed: Double? = nil
  ) -> ClosedRange<Double>? {
    interval(ofMean: [metric], from: first, to: second, observed: observed)
  }

  /// The same of the mean of several metrics.
  public static func interval(
    ofMean metrics: [String], from first: [MetricReplicates], to second: [MetricReplicates], observed: Double? = nil
  ) -> ClosedRange<Double>? {
    let all = first + second
    guard let one = all.first, !first.isEmpty, !second.isEmpty else { return nil }
    let columns = metrics.compactMap { one.names.firstIndex(of: $0) }
    guard !columns.isEmpty, columns.count == metrics.count,
      all.allSatisfy({ $0.names == one.names && $0.seed == one.seed && $0.values.count == one.values.count })
    else { return nil }
    let differences = one.values.indices.map { replicate in
      var generator = SplitMix64(state: one.seed ^ (UInt64(replicate) &+ 1) &* 0x9E37_79B9_7F4A_7C15)
      func mean(_ trainings: [MetricReplicates]) -> Float {
        func value(_ training: MetricReplicates) -> Float {
          columns.reduce(0) { $0 + training.values[replicate][$1] } / Float(columns.count)
        }
        guard trainings.count > 1 else { return value(trainings[0]) }
        let drawn = trainings.map { _ in
          value(trainings[Int.random(in: trainings.indices, using: &generator)])
        }
        return drawn.reduce(0, +) / Float(drawn.count)
      }
      let before = mean(first)
      return mean(second) - before
    }
    guard let interval = middle(of: differences) else { return nil }
    guard let observed, observed.isFinite else { return interval }
    let measured = differences.filter { !$0.isNaN }
    let shift = observed - Double(measured.reduce(0, +)) / Double(measured.count)
    return interval.lowerBound + shift...interval.upperBound + shift
  }
}

extension LVISEvaluator {
  /// Scores detections on images drawn again and again.
  ///
  /// - Parameters:
  ///   - scored: The detections, scored by this evaluator.
  ///   - count: How many times images are drawn.
  ///   - seed: What the draws come from: the same seed gives the same draws, on any number of cores.
  /// - Complexity: Each replicate takes one pass over the detections that count.
  public func replicates(of scored: ScoredDetections, count: Int, seed: UInt64 = 0) -> MetricReplicates {
    replicates(
      of: scored.lists, scored.result, objects: objectCountsByImage, imageCount: truth.images.count, count: count,
      seed: seed)
  }

  /// The same of some of the images.
  ///
  /// - Parameters:
  ///   - lists: By category, the detections in these images, which are numbered from 0.
  ///   - result: What they come to.
  ///   - objects: By category, the images with objects that count, and how many.
  ///   - imageCount: The number of images.
  ///   - progress: Told, from 0 to 1, how much is done.
  func replicates(
    of lists: [WeightedList], _ result: EvaluationResult, objects: [[(image: Int32, count: Int32)]], imageCount: Int,
    count: Int, seed: UInt64, progress: (Double) -> Void = { _ in }
  ) -> MetricReplicates {
    let measured = truth.categories.indices.filter { result.classes[$0].objectCount > 0 }
    let metrics = namedMetrics(of: measured)
    let bootstrap = Bootstrap(
      objects: measured.map { objects[$0] }, imageCount: imageCount, thresholdCount: rules.starts.count, seed: seed,
      lists: [measured.map { lists[$0] }])
    let values = bootstrap.forEachDraw(max(0, count), progress: progress) { averages, lane in
      metrics.map { averages.mean($0, set: 0, lane: lane).map(Float.init) ?? .nan }
    }
    return MetricReplicates(metrics.map(\.name), seed, values)
  }
}
