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
