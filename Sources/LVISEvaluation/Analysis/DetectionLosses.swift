import LVISDatasets

/// The numbers of detections that each rule of the evaluation took away, and of those of the rest that hit or missed,
/// by frequency and group of the class that they predict.
public struct DetectionLosses: Sendable, Codable {
  /// The detections of some classes, and what became of them.
  public struct Row: Sendable, Codable, Equatable {
    /// The classes that the detections predict.
    public let split: ClassSplit
    /// The number of detections given.
    public internal(set) var givenCount = 0
    /// The number cut off by the caps of detections: 300 an image and those of fixed AP, or under COCO's rules 100 of
    /// an image and class (lvis-api `LVISResults.limit_dets_per_image`, pycocotools `cocoeval.py`, `evaluateImg`).
    public internal(set) var overCapCount = 0
    /// The number of detections of categories that the ground truth does not know (dropped in lvis-api's
    /// `LVIS.get_ann_ids`). They count for "all" alone, and take places under the cap an image; a cap a category takes
    /// all of them for one.
    public internal(set) var unknownCategoryCount = 0
    /// The number in images that were not searched for the class: neither in `neg_category_ids` nor among the objects
    /// (Gupta et al., CVPR 2019, federated labels; lvis-api `LVISEval._prepare`).
    public internal(set) var notSearchedCount = 0
    /// The number without an area: boxes or masks of nothing, which lvis-api's `LVIS.get_ann_ids` drops.
    public internal(set) var withoutAreaCount = 0
    /// The number that is neither right nor wrong: on an ignored object, or unmatched where the class is not labelled
    /// exhaustively, or unmatched and larger than `AreaRange.all`.
    public internal(set) var ignoredCount = 0
    /// The number that is right at the lowest IoU threshold.
    public internal(set) var truePositiveCount = 0
    /// The number that is wrong at the lowest IoU threshold.
    public internal(set) var falsePositiveCount = 0
    /// The number of right, wrong and ignored ones whose area lies outside each of the options' area ranges, by the
    /// range's name: unless such a detection matches an object of that range, the range's own metrics ignore it
    /// (lvis-api `LVISEval.evaluate_img`).
    public internal(set) var outsideRangeCounts: [String: Int]
    /// The number of classes that have objects.
    public internal(set) var classCount = 0
    /// The ids of those classes for which no detection counts, ascending.
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

  /// The rows: all classes, then those of each frequency and group. Given is the sum of over the cap, unknown, not
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
  /// Counts what became of detections, by frequency and group.
  public func losses(of detections: PreparedDetections) -> DetectionLosses {
    losses(of: detections, store(of: detections))
  }

  func losses(of detections: PreparedDetections, _ store: VerdictStore) -> DetectionLosses {
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
    for (category, verdicts) in store.classes.enumerated() {
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
          let box = table.boxes[Int(detection)]
          for (index, range) in rules.ranges.dropFirst().enumerated() where range.excludes(area: area, box: box) {
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
