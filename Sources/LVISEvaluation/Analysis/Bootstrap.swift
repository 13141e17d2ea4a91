/// Scores sets of detections on images drawn with replacement, sixteen draws at a time.
struct Bootstrap: Sendable {
  /// By class: images with objects that count, and how many.
  let objects: [[(image: Int32, count: Int32)]]
  let imageCount: Int
  let thresholdCount: Int
  let seed: UInt64
  /// By set, then class.
  let lists: [[WeightedList]]

  /// The AP of sixteen draws.
  struct Averages: Sendable {
    /// By set, class, threshold, draw.
    fileprivate var values: [Float]
    /// By class, draw.
    fileprivate var objectCounts: [Int32]
    fileprivate let thresholdCount: Int

    /// The mean of a metric in one draw; `nil` without objects.
    func mean(_ metric: ComparedMetric, set: Int, lane: Int) -> Double? {
      var (sum, count) = (0.0, 0)
      let (lanes, classCount) = (WeightedList.lanes, objectCounts.count / WeightedList.lanes)
      for category in metric.classes where objectCounts[category * lanes + lane] > 0 {
        let first = (set * classCount + category) * thresholdCount
        for threshold in metric.thresholds { sum += Double(values[(first + threshold) * lanes + lane]) }
        count += metric.thresholds.count
      }
      return count == 0 ? nil : sum / Double(count)
    }
  }

  /// What `measure` says of every draw, in order, some at a time on each core.
  ///
  /// - Parameters:
  ///   - count: The number of draws.
  ///   - progress: Told, from 0 to 1, how much is done.
  ///   - measure: Gets the AP of sixteen draws, and which of them is meant.
  func forEachDraw<Result: Sendable>(
    _ count: Int, progress: (Double) -> Void, _ measure: @Sendable (Averages, Int) -> Result
  ) -> [Result] {
    var results: [Result] = []
    let blocksAtATime = 8
    while results.count < count {
      let done = results.count / WeightedList.lanes
      let blocks = min(blocksAtATime, (count - results.count + WeightedList.lanes - 1) / WeightedList.lanes)
      let measured = concurrentMap(blocks) { offset -> [Result] in
        let first = (done + offset) * WeightedList.lanes
        let averages = averages(firstReplicate: first)
        return (0..<min(WeightedList.lanes, count - first)).map { measure(averages, $0) }
      }
      results += measured.joined()
      progress(Double(results.count) / Double(count))
    }
    return results
  }

  private func averages(firstReplicate: Int) -> Averages {
    let lanes = WeightedList.lanes
    var weights = [UInt16](repeating: 0, count: max(1, imageCount) * lanes)
    for lane in 0..<lanes {
      let own = Self.weights(imageCount: imageCount, seed: seed, replicate: firstReplicate + lane)
      for (image, weight) in own.enumerated() { weights[image * lanes + lane] = weight }
    }
    var averages = Averages(
      values: [Float](repeating: 0, count: lists.count * objects.count * thresholdCount * lanes),
      objectCounts: [Int32](repeating: 0, count: objects.count * lanes), thresholdCount: thresholdCount)
    var scratch = WeightedScratch()
    for (category, images) in objects.enumerated() {
      var counts = [Int32](repeating: 0, count: lanes)
      for (image, count) in images {
        for lane in 0..<lanes { counts[lane] += count * Int32(weights[Int(image) * lanes + lane]) }
      }
      for lane in 0..<lanes { averages.objectCounts[category * lanes + lane] = counts[lane] }
      for (set, lists) in lists.enumerated() {
        let first = (set * objects.count + category) * thresholdCount * lanes
        averages.values.withUnsafeMutableBufferPointer { values in
          guard let values = values.baseAddress else { return }
          lists[category].averagePrecisions(weights, objects: counts, &scratch, into: values + first)
        }
      }
    }
    return averages
  }

  /// How often each image is drawn.
  static func weights(imageCount: Int, seed: UInt64, replicate: Int) -> [UInt16] {
    var weights = [UInt16](repeating: 0, count: imageCount)
    guard imageCount > 0 else { return weights }
    // Each replicate has a stream of its own, so that any core may draw it.
    var start = SplitMix64(state: seed)
    start = SplitMix64(state: start.next() ^ UInt64(truncatingIfNeeded: replicate))
    var generator = SplitMix64(state: start.next())
    for _ in 0..<imageCount { weights[Int.random(in: 0..<imageCount, using: &generator)] &+= 1 }
    return weights
  }
}

extension LVISEvaluator {
  /// The number of times that each image, by ascending id, is drawn in a replicate of
  /// ``compare(_:with:replicates:seed:progress:)``.
  public func bootstrapDraws(replicate: Int, seed: UInt64) -> [UInt16] {
    Bootstrap.weights(imageCount: truth.images.count, seed: seed, replicate: replicate)
  }
}

/// A small generator with good statistics for short streams (Steele, Lea and Flood, OOPSLA 2014).
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
