/// Detections that were scored, in the short form that comparisons need: some bytes for each detection that counts.
public struct ScoredDetections: Sendable {
  /// The results file that they were read from; `nil` where they came from memory.
  public let path: String?
  /// The metrics of the detections.
  public let result: EvaluationResult
  /// By category: the detections that count, over all areas, best first.
  let lists: [WeightedList]
}

extension LVISEvaluator {
  /// Scores detections for a comparison.
  public func score(_ detections: PreparedDetections) -> ScoredDetections {
    score(detections, store(of: detections))
  }

  func score(_ detections: PreparedDetections, _ store: VerdictStore) -> ScoredDetections {
    let result = result(
      store, objectCounts: objectCounts { _ in true }, detectionCount: detections.table.count,
      cappedCount: detections.groups.count, findings: findings(of: detections))
    return ScoredDetections(
      path: detections.path, result: result, lists: weightedLists(of: store))
  }

  /// By category: the detections that count.
  func weightedLists(of store: VerdictStore) -> [WeightedList] {
    concurrentMap(store.classes.count) { WeightedList(store.classes[$0].sorted(), rules) }
  }
}

/// The detections of a class that count, over all areas, best first: scored again and again with images that count
/// several times, or not at all, as a bootstrap asks for.
struct WeightedList: Sendable {
  private struct Entry: Sendable {
    var image: Int32
    /// The entry's place among `outcomes`; −1 where all thresholds say "wrong".
    var outcome: Int32
  }

  private var entries: [Entry] = []
  private var outcomes: [Outcome] = []

  /// - Parameter verdicts: The verdicts in the order of `Verdict.precedes`.
  init(_ verdicts: ClassVerdicts, _ rules: MatchingRules) {
    for verdict in verdicts.verdicts {
      if verdict.outcome < 0 {
        if verdict.ignoredRanges & 1 == 0 { entries.append(Entry(image: verdict.image, outcome: -1)) }
        continue
      }
      let outcome = verdicts.outcomes[Int(verdict.outcome) * rules.ranges.count]
      if outcome.truePositive == 0 && outcome.falsePositive == rules.allThresholds {
        entries.append(Entry(image: verdict.image, outcome: -1))
      } else if outcome.truePositive != 0 || outcome.falsePositive != 0 {
        entries.append(Entry(image: verdict.image, outcome: Int32(outcomes.count)))
        outcomes.append(outcome)
      }
    }
    // Behind the last true positive nothing changes any more.
    while let last = entries.last, last.outcome < 0 || outcomes[Int(last.outcome)].truePositive == 0 {
      entries.removeLast()
    }
  }

  /// The AP at every threshold.
  ///
  /// An image that counts w times stands for w images with the same objects and detections, each detection followed by
  /// its copies.
  ///
  /// - Parameters:
  ///   - weights: How often each image counts.
  ///   - objects: Objects that count, each as often as its image.
  ///   - scratch: Memory to work in.
  func averagePrecisions(_ weights: [UInt16], objects: Int, _ scratch: inout WeightedScratch) -> [Double] {
    scratch.clear()
    var common = 0
    for entry in entries {
      let weight = Int(weights[Int(entry.image)])
      guard entry.outcome >= 0 else {
        common += weight
        continue
      }
      guard weight > 0 else { continue }
      let outcome = outcomes[Int(entry.outcome)]
      var bits = outcome.falsePositive
      while bits != 0 {
        scratch.misses[bits.trailingZeroBitCount] += weight
        bits &= bits - 1
      }
      bits = outcome.truePositive
      while bits != 0 {
        scratch.add(weight, at: bits.trailingZeroBitCount, common: common)
        bits &= bits - 1
      }
    }
    return scratch.points.map { Self.averagePrecision($0, objects: Double(objects)) }
  }

  /// The mean precision at the 101 recall points, as lvis-api's `LVISEval.accumulate` takes it; a true positive may count
  /// several times.
  private static func averagePrecision(_ points: [WeightedScratch.Point], objects: Double) -> Double {
    var sum = 0.0
    var place = points.count - 1
    var best = 0.0
    // From the highest recall down, so that the best so far is the envelope.
    for recall in Accumulation.recallPoints.reversed() {
      while place >= 0 && Double(points[place].hits) / objects >= recall {
        best = max(best, points[place].precision)
        place -= 1
      }
      sum += best
    }
    return sum / Double(Accumulation.recallPoints.count)
  }
}

/// Memory for scoring a weighted list, used again for the next one.
struct WeightedScratch {
  struct Point {
    var hits: Int
    var precision: Double
  }

  fileprivate(set) var points: [[Point]]
  fileprivate var misses: [Int]

  init(thresholdCount: Int) {
    points = [[Point]](repeating: [], count: thresholdCount)
    misses = [Int](repeating: 0, count: thresholdCount)
  }

  fileprivate mutating func clear() {
    for threshold in points.indices {
      points[threshold].removeAll(keepingCapacity: true)
      misses[threshold] = 0
    }
  }

  @inline(__always)
  fileprivate mutating func add(_ weight: Int, at threshold: Int, common: Int) {
    let hits = (points[threshold].last?.hits ?? 0) + weight
    let all = Double(common + misses[threshold]) + Double(hits) + 0x1p-52
    points[threshold].append(Point(hits: hits, precision: Double(hits) / all))
  }
}
