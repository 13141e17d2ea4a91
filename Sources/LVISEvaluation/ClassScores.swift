/// The scores of one class: for every area range and threshold the average precision and the recall.
struct ClassScores: Sendable {
  /// Objects that count, an area range.
  var objectCounts: [Int]
  /// Detections that count, whatever the range.
  var detectionCount = 0
  /// By range, then threshold; −1 where the range holds no object.
  var averagePrecision: [Double]
  /// By range, then threshold; −1 where the range holds no object.
  var recall: [Double]
  /// COCO: recall with 1 and with 10 detections an image, by limit, then threshold, over all areas.
  var limitedRecall: [Double] = []
  /// Precision at the 101 recall points over all areas, by threshold; empty unless asked for.
  var curves: [Double] = []
}

/// Turns the verdicts on a class into precision and recall (lvis-api `LVISEval.accumulate`; pycocotools `cocoeval.py`,
/// `accumulate`).
struct Accumulation: Sendable {
  let thresholdCount: Int
  let rangeCount: Int
  /// COCO's smaller limits on detections an image.
  let limits: [Int]
  let keepsCurves: Bool

  /// The 101 recall points: i · .01, as numpy's `linspace` makes them.
  static let recallPoints: [Double] = (0...100).map { Double($0) * 0.01 }
  /// numpy's `spacing(1)`.
  private static let epsilon = 0x1p-52

  /// The references' precision. Whole numbers of doubles are exact, so that only the last addition is rounded.
  @inline(__always)
  static func precision(right: Int, of all: Int) -> Double { Double(right) / (Double(all) + epsilon) }

  /// - Parameters:
  ///   - verdicts: On the class's detections.
  ///   - objectCounts: Objects that count, an area range.
  func scores(_ verdicts: RankedVerdicts, objectCounts: [Int]) -> ClassScores {
    let cells = rangeCount * thresholdCount
    var scores = ClassScores(
      objectCounts: objectCounts, averagePrecision: [Double](repeating: -1, count: cells),
      recall: [Double](repeating: -1, count: cells))
    scores.detectionCount = verdicts.count
    var precisions = [[Double]](repeating: [], count: thresholdCount)
    for range in 0..<rangeCount where objectCounts[range] > 0 {
      for threshold in 0..<thresholdCount { precisions[threshold].removeAll(keepingCapacity: true) }
      // Between two true positives precision only falls, so that the envelope needs no other places.
      verdicts.forEachTruePositive(range: range, of: rangeCount, thresholdCount: thresholdCount) {
        threshold, right, all, _ in precisions[threshold].append(Self.precision(right: right, of: all))
      }
      for threshold in 0..<thresholdCount {
        let cell = range * thresholdCount + threshold
        let objects = Double(objectCounts[range])
        scores.recall[cell] = Double(precisions[threshold].count) / objects
        scores.averagePrecision[cell] = Self.averagePrecision(&precisions[threshold], objects: objects)
        if keepsCurves && range == 0 {
          let kept = scores.curves.count + Self.recallPoints.count
          Self.visitRecallPoints(precisions[threshold], objects: objects) { scores.curves.append($0) }
          while scores.curves.count < kept { scores.curves.append(0) }
        }
      }
    }
    if objectCounts[0] > 0 { scores.limitedRecall = limitedRecall(verdicts, objects: objectCounts[0]) }
    return scores
  }

  /// The mean precision over the recall points.
  ///
  /// - Parameter precisions: The precision at each true positive; afterwards, the highest there or later.
  private static func averagePrecision(_ precisions: inout [Double], objects: Double) -> Double {
    makeMonotonic(&precisions)
    var sum = 0.0
    visitRecallPoints(precisions, objects: objects) { sum += $0 }
    return sum / Double(recallPoints.count)
  }

  /// The average precision of detections, best first, of which each is right or wrong.
  static func averagePrecision(ofHits hits: [Bool], objects: Int) -> Double {
    var precisions: [Double] = []
    for (index, isHit) in hits.enumerated() where isHit {
      precisions.append(Double(precisions.count + 1) / (Double(index + 1) + epsilon))
    }
    return averagePrecision(&precisions, objects: Double(objects))
  }

  /// Right-max envelope.
  private static func makeMonotonic(_ precisions: inout [Double]) {
    guard precisions.count > 1 else { return }
    for place in stride(from: precisions.count - 1, to: 0, by: -1) where precisions[place] > precisions[place - 1] {
      precisions[place - 1] = precisions[place]
    }
  }

  /// The precision at every recall point that is reached; the rest count 0.
  @inline(__always)
  private static func visitRecallPoints(_ precisions: [Double], objects: Double, _ visit: (Double) -> Void) {
    var place = 0
    for point in recallPoints {
      while place < precisions.count && Double(place + 1) / objects < point { place += 1 }
      guard place < precisions.count else { return }
      visit(precisions[place])
    }
  }

  private func limitedRecall(_ verdicts: RankedVerdicts, objects: Int) -> [Double] {
    limits.flatMap { limit in
      var hits = [Int](repeating: 0, count: thresholdCount)
      verdicts.forEachTruePositive(range: 0, of: rangeCount, thresholdCount: thresholdCount, limit: limit) {
        t, right, _, _ in
        hits[t] = right
      }
      return hits.map { Double($0) / Double(objects) }
    }
  }
}
