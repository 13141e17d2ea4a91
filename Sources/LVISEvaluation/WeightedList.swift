import CVectorKernels

/// The detections of a class that count, over all areas, best first: scored again and again with images that count
/// several times, or not at all, as a bootstrap asks for.
///
/// A detection is right or wrong at a threshold, so that what counts against a right one is the weight of all up to it,
/// whatever the threshold, less that of the few that are ignored there.
struct WeightedList: Sendable {
  /// How many draws are scored at a time.
  static let lanes = Int(BAGS_RESAMPLING_LANES)

  /// The image of every detection.
  private var images: [Int32] = []
  /// By stop, a detection that is right at some threshold: its place, and one.
  private var ends: [Int32] = []
  /// By threshold: the detections that are right, and those that are ignored, in their order.
  private var events: [[bags_resampled_event]]

  /// - Parameter verdicts: The verdicts in the order of `Verdict.precedes`.
  init(_ verdicts: ClassVerdicts, _ rules: MatchingRules) {
    events = [[bags_resampled_event]](repeating: [], count: rules.starts.count)
    for verdict in verdicts.verdicts {
      guard verdict.outcome >= 0 else {
        if verdict.ignoredRanges & 1 == 0 { images.append(verdict.image) }
        continue
      }
      let outcome = verdicts.outcomes[Int(verdict.outcome) * rules.ranges.count]
      let counting = outcome.truePositive | outcome.falsePositive
      guard counting != 0 else { continue }
      images.append(verdict.image)
      if outcome.truePositive != 0 { ends.append(Int32(images.count)) }
      var bits = outcome.truePositive | rules.allThresholds & ~counting
      while bits != 0 {
        let threshold = bits.trailingZeroBitCount
        let isRight = outcome.truePositive & (1 << UInt64(threshold)) != 0
        events[threshold].append(
          bags_resampled_event(image: verdict.image, stop: isRight ? Int32(ends.count - 1) : -1))
        bits &= bits - 1
      }
    }
    // Behind the last true positive nothing changes any more.
    images.removeLast(images.count - Int(ends.last ?? 0))
  }

  /// The AP at every threshold, of sixteen draws.
  ///
  /// An image that counts w times stands for w images with the same objects and detections, each detection followed by
  /// its copies.
  ///
  /// - Parameters:
  ///   - weights: How often each draw has each image, [images, 16].
  ///   - objects: The objects that count, each as often as its image, [16].
  ///   - scratch: Memory to work in.
  ///   - averages: Where the values go, [thresholds, 16].
  func averagePrecisions(
    _ weights: UnsafePointer<UInt16>, objects: [Int32], _ scratch: inout WeightedScratch,
    into averages: UnsafeMutablePointer<Float>
  ) {
    let lanes = WeightedList.lanes
    scratch.reserve(stops: ends.count, events: events.map(\.count).max() ?? 0)
    scratch.totals.withUnsafeMutableBufferPointer { totals in
      scratch.points.withUnsafeMutableBufferPointer { points in
        guard let totals = totals.baseAddress, let points = points.baseAddress else { return }
        bags_resampled_totals(images, ends, ends.count, weights, totals)
        for (threshold, events) in events.enumerated() {
          bags_resampled_precision(
            events, events.count, weights, totals, objects, points, averages + threshold * lanes)
        }
      }
    }
  }
}

/// Memory for scoring a weighted list, used again for the next one.
struct WeightedScratch {
  fileprivate var totals: [Float] = []
  fileprivate var points: [Float] = []

  fileprivate mutating func reserve(stops: Int, events: Int) {
    let lanes = WeightedList.lanes
    while totals.count < max(1, stops) * lanes { totals += repeatElement(0, count: max(lanes, totals.count)) }
    while points.count < max(1, events) * 2 * lanes { points += repeatElement(0, count: max(2 * lanes, points.count)) }
  }
}
