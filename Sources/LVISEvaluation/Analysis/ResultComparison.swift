import LVISDatasets

/// Two sets of detections on the same ground truth: what the second gains or loses against the first, with bootstrap
/// confidence intervals over images (Efron 1979).
///
/// For each replicate as many images are drawn, with replacement, as there are, and both sets are scored on the same
/// draw. An interval holds the middle 95 % of the differences; a replicate without an object to measure a metric by is
/// left out of that metric's.
public struct ResultComparison: Sendable {
  /// A metric of both sets, and the interval of its difference.
  public struct Entry: Sendable, Equatable {
    /// The metric's name.
    public let name: String
    /// The value of the first set; `nil` without objects.
    public let first: Double?
    /// The value of the second set; `nil` without objects.
    public let second: Double?
    /// The middle 95 % of the differences; `nil` where fewer than 20 replicates could be measured, and for a class whose
    /// objects all stand in one image, of which drawing images says nothing.
    public let interval: ClosedRange<Double>?

    /// The second less the first; `nil` without objects.
    public var difference: Double? { first.flatMap { first in second.map { $0 - first } } }
    /// Whether the interval leaves no doubt about the sign.
    public var isClear: Bool { interval.map { $0.lowerBound > 0 || $0.upperBound < 0 } ?? false }
  }

  /// A class's AP in both.
  public struct ClassEntry: Sendable, Identifiable {
    /// The category's id.
    public let id: Int
    /// The category's name.
    public let name: String
    /// Rare, common or frequent; `nil` where it is not known.
    public let frequency: LVISFrequency?
    /// The number of objects that count.
    public let objectCount: Int
    /// The AP of the class in both sets.
    public let averagePrecision: Entry
  }

  /// The results file of the first set; `nil` where it came from memory.
  public let firstPath: String?
  /// AP, AP50, AP75, APr, APc, APf, and AP1...APn where groups were given.
  public let metrics: [Entry]
  /// The classes that have objects, by ascending category id.
  public let classes: [ClassEntry]
  /// The number of times that images were drawn.
  public let replicates: Int
  /// The seed of the draws.
  public let seed: UInt64
}

extension LVISEvaluator {
  /// Compares two sets of detections that this evaluator scored.
  ///
  /// - Parameters:
  ///   - first: What is compared with.
  ///   - second: What is to be judged.
  ///   - replicates: How many times images are drawn; 0 for no intervals.
  ///   - seed: What the draws come from: the same seed gives the same intervals, on any number of cores.
  ///   - progress: Told, from 0 to 1, how much is done.
  /// - Complexity: Each replicate takes one pass over the detections that count.
  public func compare(
    _ first: ScoredDetections, with second: ScoredDetections, replicates: Int = 1000, seed: UInt64 = 0,
    progress: (Double) -> Void = { _ in }
  ) -> ResultComparison {
    let measured = truth.categories.indices.filter { first.result.classes[$0].objectCount > 0 }
    let metrics =
      namedMetrics(of: measured)
      + measured.indices.map {
        ComparedMetric(name: "AP", classes: [$0], thresholds: Array(options.iouThresholds.indices))
      }
    let objectCounts = objectCountsByImage
    let bootstrap = Bootstrap(
      objects: measured.map { objectCounts[$0] }, imageCount: truth.images.count,
      thresholdCount: rules.starts.count, seed: seed,
      lists: [first, second].map { scored in measured.map { scored.lists[$0] } })
    // By replicate, then metric: the named ones, then every class.
    let differences = bootstrap.forEachDraw(replicates, progress: progress) { averages, lane in
      metrics.map { metric -> Float in
        let (a, b) = (averages.mean(metric, set: 0, lane: lane), averages.mean(metric, set: 1, lane: lane))
        return a.flatMap { a in b.map { Float($0 - a) } } ?? .nan
      }
    }
    let named = metrics.count - measured.count
    func entry(_ index: Int, _ values: (Double?, Double?), hasInterval: Bool = true) -> ResultComparison.Entry {
      ResultComparison.Entry(
        name: metrics[index].name, first: values.0, second: values.1,
        interval: hasInterval ? middle(of: differences.map { $0[index] }) : nil)
    }
    return ResultComparison(
      firstPath: first.path,
      metrics: (0..<named).map { index in
        let name = metrics[index].name
        return entry(index, (first.result[name], second.result[name]))
      },
      classes: measured.enumerated().map { index, category in
        let (a, b) = (first.result.classes[category], second.result.classes[category])
        return ResultComparison.ClassEntry(
          id: a.id, name: a.name, frequency: a.frequency, objectCount: a.objectCount,
          averagePrecision: entry(
            named + index, (a["AP"], b["AP"]), hasInterval: objectCounts[category].count > 1))
      }, replicates: replicates, seed: seed)
  }

  /// By category: its images with objects that count, and how many.
  var objectCountsByImage: [[(image: Int32, count: Int32)]] {
    var counts = [[(image: Int32, count: Int32)]](repeating: [], count: truth.categories.count)
    for image in 0..<truth.images.count {
      for pair in truth.pairs(of: image) {
        let count = truth.objectRange(ofPair: pair).count { !truth.objects[$0].isIgnored(in: .all) }
        if count > 0 { counts[Int(truth.pairs[pair].category)].append((Int32(image), Int32(count))) }
      }
    }
    return counts
  }

  /// What is compared by name, of classes that have objects.
  func namedMetrics(of measured: [Int]) -> [ComparedMetric] {
    let all = Array(measured.indices)
    let thresholds = Array(options.iouThresholds.indices)
    var metrics = [ComparedMetric(name: "AP", classes: all, thresholds: thresholds)]
    for (name, threshold) in [("AP50", 0.5), ("AP75", 0.75)] {
      let matching = thresholds.filter { options.iouThresholds[$0] == threshold }
      metrics.append(ComparedMetric(name: name, classes: all, thresholds: matching))
    }
    if options.rules == .lvis {
      for frequency in LVISFrequency.allCases {
        let classes = all.filter { options.frequency(of: truth.categories[measured[$0]]) == frequency }
        metrics.append(ComparedMetric(name: "AP" + frequency.rawValue, classes: classes, thresholds: thresholds))
      }
    }
    if let groups = options.groups {
      for group in 0..<groups.groupCount {
        let classes = all.filter { groups.group(ofCategory: truth.categories[measured[$0]].id) == group }
        metrics.append(ComparedMetric(name: "AP\(group + 1)", classes: classes, thresholds: thresholds))
      }
    }
    return metrics
  }
}

/// The mean over some classes, given by their places among the measured ones, at some thresholds.
struct ComparedMetric: Sendable {
  let name: String
  let classes: [Int]
  let thresholds: [Int]
}

/// The middle 95 % of what is a number; `nil` where fewer than 20 are.
func middle(of values: [Float]) -> ClosedRange<Double>? {
  let sorted = values.filter { !$0.isNaN }.sorted()
  guard sorted.count >= 20 else { return nil }
  func quantile(_ share: Double) -> Double {
    let position = share * Double(sorted.count - 1)
    let low = Int(position)
    let high = min(low + 1, sorted.count - 1)
    return Double(sorted[low]) + (position - Double(low)) * Double(sorted[high] - sorted[low])
  }
  let low = quantile(0.025)
  return low...max(low, quantile(0.975))
}
