import LVISDatasets

/// What became of detections: how many each rule took away, and how many of the rest hit or missed, by frequency and
/// group of the class that they predict.
public struct DetectionLosses: Sendable, Codable {
  /// The detections of some classes.
  public struct Row: Sendable, Codable, Equatable {
    /// The classes.
    public let split: ClassSplit
    /// Detections given.
    public internal(set) var givenCount = 0
    /// Cut off by the caps (rule 1; under COCO's rules, past the hundredth of an image and class).
    public internal(set) var overCapCount = 0
    /// Of categories that the ground truth does not know (rule 3). They count for "all" alone, and take places under
    /// the cap an image; a cap a category takes all of them for one.
    public internal(set) var unknownCategoryCount = 0
    /// In images that were not searched for the class: neither in `neg_category_ids` nor among the objects (rule 4).
    public internal(set) var notSearchedCount = 0
    /// Without an area: boxes or masks of nothing (rule 3).
    public internal(set) var withoutAreaCount = 0
    /// Neither right nor wrong: on an ignored object, or unmatched where the class is not labelled exhaustively, or
    /// unmatched and larger than `AreaRange.all`.
    public internal(set) var ignoredCount = 0
    /// Right, at the lowest IoU threshold.
    public internal(set) var truePositiveCount = 0
    /// Wrong, at the lowest IoU threshold.
    public internal(set) var falsePositiveCount = 0
    /// Right, wrong and ignored ones whose area lies outside each of the options' area ranges, by the range's name: unless
    /// such a detection matches an object of that range, the range's own metrics ignore it (rule 7).
    public internal(set) var outsideRangeCounts: [String: Int]
    /// Classes that have objects.
    public internal(set) var classCount = 0
    /// Those among them for which no detection counts, by ascending category id.
    public internal(set) var neverPredicted: [Int] = []

    private enum CodingKeys: String, CodingKey {
      case split = "classes"
      case givenCount = "given"
      case overCapCount = "overCap"
      case unknownCategoryCount = "unknownCategory"
      case notSearchedCount = "notSearched"
      case withoutAreaCount = "withoutArea"
      case ignoredCount = "ignored"
      case truePositiveCount = "truePositives"
      case falsePositiveCount = "falsePositives"
      case outsideRangeCounts = "outsideAreaRange"
      case classCount, neverPredicted
    }
  }

  /// All classes, then those of each frequency and group. What is given is the sum of over the cap, unknown, not
  /// searched, without area, ignored, right and wrong.
  public let rows: [Row]
  /// The IoU threshold at which right and wrong are told apart: the lowest of the options'.
  public let threshold: Double

  private enum CodingKeys: String, CodingKey {
    case rows
    case threshold = "iouThreshold"
  }
}

extension LVISEvaluator {
  /// Counts what became of detections.
  public func losses(of detections: PreparedDetections) -> DetectionLosses {
    let splits = ClassSplits(truth.categories, options)
    let ranges = options.allRanges.dropFirst().map(\.name)
    var rows = splits.splits.map {
      DetectionLosses.Row(split: $0, outsideRangeCounts: Dictionary(ranges.map { ($0, 0) }) { $1 })
    }
    let fates = fates(of: detections)
    for category in -1..<truth.categories.count {
      for row in splits.rows(of: Int32(category)) { rows[row].add(fates, of: category, ranges: ranges) }
    }
    let lowest = options.iouThresholds.indices.min { options.iouThresholds[$0] < options.iouThresholds[$1] } ?? 0
    let objectCounts = objectCounts { _ in true }
    for (category, verdicts) in store(of: detections).classes.enumerated() {
      for row in splits.rows(of: Int32(category)) {
        rows[row].add(verdicts, threshold: lowest, rangeCount: ranges.count + 1)
        guard objectCounts[category][0] > 0 else { continue }
        rows[row].classCount += 1
        if verdicts.verdicts.isEmpty { rows[row].neverPredicted.append(truth.categories[category].id) }
      }
    }
    return DetectionLosses(rows: rows, threshold: options.iouThresholds[lowest])
  }

  /// Follows every detection until it is dropped, or is left to be matched.
  private func fates(of detections: PreparedDetections) -> [DetectionFates] {
    let table = detections.table
    let isCOCO = options.rules == .coco
    var fates = [DetectionFates](
      repeating: DetectionFates(outsideRange: [Int](repeating: 0, count: rules.ranges.count - 1)),
      count: truth.categories.count + 1)
    for category in table.categories { fates[Int(category) + 1].given += 1 }
    var statuses = ImageStatuses(truth)
    var seen: [Int32: Int] = [:]
    for image in 0..<truth.images.count {
      statuses.turn(to: image)
      seen.removeAll(keepingCapacity: true)
      let group = detections.groups.order[detections.groups.range(of: image)]
      for detection in isCOCO ? group.sortedByDescendingScore(table.scores)[...] : group {
        let category = table.categories[Int(detection)]
        if isCOCO && category >= 0 {
          seen[category, default: 0] += 1
          if seen[category, default: 0] > MatchingRules.cocoMaxDetections { continue }
        }
        let place = Int(category) + 1
        fates[place].underCap += 1
        guard category >= 0 else { continue }
        let area = table.area(of: Int(detection))
        if !statuses.isSearched(category) {
          fates[place].notSearched += 1
        } else if !isCOCO && !(area > 0 && area < .infinity) {
          fates[place].withoutArea += 1
        } else {
          for (index, range) in rules.ranges.dropFirst().enumerated() where !range.contains(area) {
            fates[place].outsideRange[index] += 1
          }
        }
      }
    }
    return fates
  }
}

/// What became of the detections of one category before they were matched.
private struct DetectionFates {
  var given = 0
  var underCap = 0
  var notSearched = 0
  var withoutArea = 0
  /// By area range, "all" left out.
  var outsideRange: [Int]
}

extension DetectionLosses.Row {
  /// Adds a category, −1 being all that the ground truth does not know.
  fileprivate mutating func add(_ fates: [DetectionFates], of category: Int, ranges: [String]) {
    let fates = fates[category + 1]
    givenCount += fates.given
    overCapCount += fates.given - fates.underCap
    if category < 0 { unknownCategoryCount += fates.underCap }
    notSearchedCount += fates.notSearched
    withoutAreaCount += fates.withoutArea
    for (range, count) in zip(ranges, fates.outsideRange) { outsideRangeCounts[range, default: 0] += count }
  }

  fileprivate mutating func add(_ verdicts: ClassVerdicts, threshold: Int, rangeCount: Int) {
    let bit: UInt64 = 1 << UInt64(threshold)
    for verdict in verdicts.verdicts {
      var isRight = false
      var isWrong = verdict.ignoredRanges & 1 == 0
      if verdict.outcome >= 0 {
        let outcome = verdicts.outcomes[Int(verdict.outcome) * rangeCount]
        isRight = outcome.truePositive & bit != 0
        isWrong = outcome.falsePositive & bit != 0
      }
      if isRight { truePositiveCount += 1 } else if isWrong { falsePositiveCount += 1 } else { ignoredCount += 1 }
    }
  }
}
