import LVISDatasets

/// AP by the size and aspect of the objects, of all classes and of each frequency and group: whether rare objects are
/// missed because they are rare, or because they are small.
///
/// A range is scored as COCO scores its areas: objects outside of it count neither as found nor as missed, nor do
/// unmatched detections outside of it as wrong.
public struct ShapeBreakdown: Sendable, Codable {
  /// The classes of a split that have objects in a range, and what is measured of them there.
  public struct Row: Sendable, Codable, Equatable {
    /// The classes that the row is about.
    public let split: ClassSplit
    /// The name of the range: small, medium, large, tall, compact, wide, or one of the options.
    public let range: String
    /// The number of objects in the range.
    public let objectCount: Int
    /// The number of classes that have objects in the range.
    public let classCount: Int
    /// The mean AP of these classes in the range; `nil` without objects.
    public let averagePrecision: Double?
    /// The mean of their recall; `nil` without objects.
    public let recall: Double?

    private enum CodingKeys: String, CodingKey {
      case split = "classes"
      case range, classCount
      case objectCount = "objects"
      case averagePrecision = "AP"
      case recall = "AR"
    }
  }

  /// By split, then range.
  public let rows: [Row]
}

extension LVISEvaluator {
  /// Scores detections by the size and aspect of the objects.
  ///
  /// - Parameter detections: Prepared for scoring or analysis.
  /// - Complexity: As an evaluation with as many ranges of area.
  public func shapes(of detections: PreparedDetections) -> ShapeBreakdown {
    // Sixteen ranges at a time, "all" among them.
    let ranges = options.areaRanges.prefix(12) + AreaRange.aspects
    let evaluator = matching(at: options.iouThresholds, areaRanges: Array(ranges))
    let store = evaluator.store(of: detections)
    let objects = evaluator.objectCounts { _ in true }
    let accumulation = Accumulation(
      thresholdCount: options.iouThresholds.count, rangeCount: evaluator.rules.ranges.count, limits: [],
      keepsCurves: false)
    let scores = concurrentMap(objects.count) {
      accumulation.scores(RankedVerdicts(store.classes[$0]), objectCounts: objects[$0])
    }
    let table = MetricTable(evaluator.options)
    let splits = ClassSplits(truth.categories, options)
    return ShapeBreakdown(
      rows: splits.splits.enumerated().flatMap { row, split in
        let classes = objects.indices.filter { splits.contains($0, inRow: row) }
        return evaluator.options.allRanges.enumerated().dropFirst().map { place, range in
          let counts = classes.map { objects[$0][place] }
          return ShapeBreakdown.Row(
            split: split, range: range.name, objectCount: counts.reduce(0, +), classCount: counts.count { $0 > 0 },
            averagePrecision: table.precision(range: place).mean(over: classes.map { scores[$0] }),
            recall: table.recall(range: place).mean(over: classes.map { scores[$0] }))
        }
      })
  }
}
