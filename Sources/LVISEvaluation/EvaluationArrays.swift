import LVISDatasets

/// Where precision, recall and scores of every cell go, as the reference implementations keep them (lvis-api
/// `LVISEval.eval`; pycocotools `COCOeval.eval`).
///
/// T IoU thresholds, R = 101 recall points, K categories by ascending id, A ranges of area with "all" first, M limits of
/// detections an image and class: 1, 10 and 100 by COCO's rules, else one without limit; see
/// ``LVISEvaluator/arrayShape``. What is `nil` is not written.
public struct EvaluationArrays: @unchecked Sendable {
  /// Room for [T, R, K, A, M]; −1 where a category has no object in the range.
  public var precision: UnsafeMutablePointer<Double>?
  /// Room for the score at which that recall is reached, [T, R, K, A, M]; 0 where it is not, −1 without objects.
  public var scores: UnsafeMutablePointer<Double>?
  /// Room for the recall of all detections, [T, K, A, M]; −1 without objects.
  public var recall: UnsafeMutablePointer<Double>?

  /// Makes targets that outlive the scoring.
  public init(
    precision: UnsafeMutablePointer<Double>?, scores: UnsafeMutablePointer<Double>?,
    recall: UnsafeMutablePointer<Double>?
  ) {
    self.precision = precision
    self.scores = scores
    self.recall = recall
  }
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
  /// - Parameters:
  ///   - detections: Prepared for scoring.
  ///   - arrays: What is wanted of every cell, and where it goes.
  public func evaluate(_ detections: PreparedDetections, filling arrays: EvaluationArrays) -> EvaluationResult {
    let store = store(of: detections)
    let objects = objectCounts { _ in true }
    // Neighbours share the lines of memory that they are written to.
    let atATime = 16
    let parts = concurrentMap((objects.count + atATime - 1) / atATime) { part in
      var cells = ClassCells(shape: arrayShape)
      return (part * atATime..<min((part + 1) * atATime, objects.count)).map { category in
        let verdicts = RankedVerdicts(store.classes[category])
        cells.removeAll()
        for (limit, most) in limits.enumerated() {
          add(verdicts, objectCounts: objects[category], limit: limit, of: most, to: &cells)
        }
        cells.copy(to: arrays, category: category)
        return accumulation.scores(verdicts, objectCounts: objects[category])
      }
    }
    return result(
      store, scores: parts.flatMap { $0 }, detectionCount: detections.table.count,
      cappedCount: detections.groups.count, findings: findings(of: detections))
  }

  /// Fills in the cells of one limit.
  private func add(
    _ verdicts: RankedVerdicts, objectCounts: [Int], limit: Int, of most: Int?, to cells: inout ClassCells
  ) {
    var hits = [[(precision: Double, score: Double)]](repeating: [], count: rules.starts.count)
    for range in rules.ranges.indices where objectCounts[range] > 0 {
      for threshold in hits.indices { hits[threshold].removeAll(keepingCapacity: true) }
      verdicts.forEachTruePositive(
        range: range, of: rules.ranges.count, thresholdCount: hits.count, limit: most ?? .max
      ) { hits[$0].append((Accumulation.precision(right: $1, of: $2), $3)) }
      for threshold in hits.indices {
        for place in hits[threshold].indices.dropLast().reversed() {
          hits[threshold][place].precision = max(hits[threshold][place].precision, hits[threshold][place + 1].precision)
        }
        cells.set(
          threshold: threshold, range: range, limit: limit, hits[threshold], objects: Double(objectCounts[range]),
          first: verdicts.firstScore)
      }
    }
  }
}

/// The cells of one class, in the order of the arrays that they are copied to.
private struct ClassCells {
  private let shape: [Int]
  /// [T, R, A, M].
  private var precision: [Double]
  private var scores: [Double]
  /// [T, A, M].
  private var recall: [Double]

  init(shape: [Int]) {
    self.shape = shape
    let own = shape[0] * shape[3] * shape[4]
    precision = [Double](repeating: -1, count: own * shape[1])
    scores = precision
    recall = [Double](repeating: -1, count: own)
  }

  /// As where there is no object.
  mutating func removeAll() { self = ClassCells(shape: shape) }

  /// - Parameters:
  ///   - hits: The highest precision there or later, and the score, of every true positive.
  ///   - first: The score of the first detection.
  mutating func set(
    threshold: Int, range: Int, limit: Int, _ hits: [(precision: Double, score: Double)], objects: Double,
    first: Double?
  ) {
    let width = shape[3] * shape[4]
    let inner = range * shape[4] + limit
    recall[threshold * width + inner] = Double(hits.count) / objects
    let points = Accumulation.recallPoints
    var place = 0
    for (index, point) in points.enumerated() {
      while place < hits.count && Double(place + 1) / objects < point { place += 1 }
      let cell = (threshold * points.count + index) * width + inner
      let isReached = place < hits.count
      precision[cell] = isReached ? hits[place].precision : 0
      scores[cell] = isReached ? hits[place].score : 0
    }
    // Recall 0 is reached by the first detection, right or wrong.
    if let first { scores[threshold * points.count * width + inner] = first }
  }

  func copy(to arrays: EvaluationArrays, category: Int) {
    let width = shape[3] * shape[4]
    for (values, target) in [(precision, arrays.precision), (scores, arrays.scores), (recall, arrays.recall)] {
      guard let target else { continue }
      values.withUnsafeBufferPointer { values in
        guard let start = values.baseAddress else { return }
        for row in 0..<values.count / width {
          (target + (row * shape[2] + category) * width).update(from: start + row * width, count: width)
        }
      }
    }
  }
}
