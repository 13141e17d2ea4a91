import LVISDatasets

/// Precision, recall and scores of every cell, as the reference implementations keep them (lvis-api `LVISEval.eval`;
/// pycocotools `COCOeval.eval`).
///
/// T IoU thresholds, R = 101 recall points, K categories by ascending id, A ranges of area with "all" first, M limits of
/// detections an image and class: 1, 10 and 100 by COCO's rules, else one without limit.
public struct EvaluationArrays: Sendable {
  /// The numbers T, R, K, A, M.
  public let shape: [Int]
  /// [T, R, K, A, M]; −1 where a category has no object in the range.
  public fileprivate(set) var precision: [Double]
  /// The score at which that recall is reached, [T, R, K, A, M]; 0 where it is not.
  public fileprivate(set) var scores: [Double]
  /// The recall of all detections, [T, K, A, M].
  public fileprivate(set) var recall: [Double]
}

extension LVISEvaluator {
  /// COCO's limits of detections an image and class; `nil` without a limit.
  private var limits: [Int?] { options.rules == .coco ? [1, 10, MatchingRules.cocoMaxDetections] : [nil] }

  /// The numbers of thresholds, recall points, categories, ranges of area and limits.
  public var arrayShape: [Int] {
    [
      rules.starts.count, Accumulation.recallPoints.count, truth.categories.count, rules.ranges.count, limits.count,
    ]
  }

  /// The ids of the images, ascending.
  public var imageIDs: [Int] { truth.images.ids }

  /// The categories, by ascending id.
  public var categories: [LVISCategory] { truth.categories }

  /// Scores detections, with precision, recall and scores of every cell.
  ///
  /// - Parameter detections: Prepared for scoring.
  public func evaluateWithArrays(_ detections: PreparedDetections) -> (EvaluationResult, EvaluationArrays) {
    let store = store(of: detections)
    let objects = objectCounts { _ in true }
    let result = result(
      store, objectCounts: objects, detectionCount: detections.table.count, cappedCount: detections.groups.count,
      findings: findings(of: detections))
    let shape = arrayShape
    let cellCount = shape.reduce(1, *)
    var arrays = EvaluationArrays(
      shape: shape, precision: [Double](repeating: -1, count: cellCount),
      scores: [Double](repeating: -1, count: cellCount),
      recall: [Double](repeating: -1, count: cellCount / shape[1]))
    let limits = limits
    let classes = concurrentMap(objects.count) { category in
      let verdicts = store.classes[category].sorted()
      return limits.map { cells(verdicts, objectCounts: objects[category], limit: $0) }
    }
    for (category, own) in classes.enumerated() {
      for (limit, cells) in own.enumerated() {
        for (cell, values) in cells.enumerated() {
          guard let values else { continue }
          let (range, threshold) = (cell / shape[0], cell % shape[0])
          func place(_ recall: Int) -> Int {
            (((threshold * shape[1] + recall) * shape[2] + category) * shape[3] + range) * shape[4] + limit
          }
          for recall in 0..<shape[1] {
            arrays.precision[place(recall)] = values.precision[recall]
            arrays.scores[place(recall)] = values.scores[recall]
          }
          arrays.recall[((threshold * shape[2] + category) * shape[3] + range) * shape[4] + limit] = values.recall
        }
      }
    }
    return (result, arrays)
  }

  private struct Cell: Sendable {
    var precision: [Double]
    var scores: [Double]
    var recall: Double
  }

  /// By range, then threshold; `nil` without objects.
  private func cells(_ verdicts: ClassVerdicts, objectCounts: [Int], limit: Int?) -> [Cell?] {
    let rangeCount = rules.ranges.count
    let counted = limit.map { limit in verdicts.verdicts.filter { Int($0.rank) < limit } } ?? verdicts.verdicts
    return (0..<rangeCount).flatMap { range -> [Cell?] in
      guard objectCounts[range] > 0 else { return rules.starts.map { _ in nil } }
      var hits = [[(precision: Double, score: Double)]](repeating: [], count: rules.starts.count)
      // Most match nothing at any threshold: one addition does for all of them.
      var commonWrong = 0
      var ownWrong = [Int](repeating: 0, count: rules.starts.count)
      for verdict in counted {
        guard verdict.outcome >= 0 else {
          if verdict.ignoredRanges & (1 << UInt16(range)) == 0 { commonWrong += 1 }
          continue
        }
        let outcome = verdicts.outcomes[Int(verdict.outcome) * rangeCount + range]
        var bits = outcome.falsePositive
        while bits != 0 {
          ownWrong[bits.trailingZeroBitCount] += 1
          bits &= bits - 1
        }
        bits = outcome.truePositive
        while bits != 0 {
          let threshold = bits.trailingZeroBitCount
          let right = Double(hits[threshold].count + 1)
          let all = Double(commonWrong + ownWrong[threshold]) + right + 0x1p-52
          hits[threshold].append((right / all, verdict.score))
          bits &= bits - 1
        }
      }
      return hits.map { own in
        var own = own
        for place in own.indices.dropLast().reversed() {
          own[place].precision = max(own[place].precision, own[place + 1].precision)
        }
        return cell(own, objects: Double(objectCounts[range]), first: counted.first?.score)
      }
    }
  }

  private func cell(_ hits: [(precision: Double, score: Double)], objects: Double, first: Double?) -> Cell {
    let points = Accumulation.recallPoints
    var cell = Cell(
      precision: [Double](repeating: 0, count: points.count), scores: [Double](repeating: 0, count: points.count),
      recall: Double(hits.count) / objects)
    var place = 0
    for (index, point) in points.enumerated() {
      while place < hits.count && Double(place + 1) / objects < point { place += 1 }
      guard place < hits.count else { break }
      (cell.precision[index], cell.scores[index]) = hits[place]
    }
    // Recall 0 is reached by the first detection, right or wrong.
    if let first { cell.scores[0] = first }
    return cell
  }
}
