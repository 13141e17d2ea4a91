import BalancedGroupSoftmax

/// What `bags evaluate --format json` prints and `--output` writes: an `EvaluationReport`, and beside it what was asked
/// for: `classes`, `losses`, `errors`, `confusion`, `comparison`.
struct FindingsReport: Encodable {
  private let findings: EvaluationFindings
  private let classes: ClassTable
  var includesClasses = true

  init(_ findings: EvaluationFindings, classes: ClassTable) {
    self.findings = findings
    self.classes = classes
  }

  func encode(to encoder: any Encoder) throws {
    try EvaluationReport(findings.result, perClass: false).encode(to: encoder)
    var container = encoder.container(keyedBy: NamedKey.self)
    if includesClasses { try container.encode(classes.rows, forKey: NamedKey("classes")) }
    if let losses = findings.losses { try container.encode(LossReport(losses), forKey: NamedKey("losses")) }
    if let errors = findings.errors { try container.encode(errors.rows.map(ErrorRow.init), forKey: NamedKey("errors")) }
    if let confusion = findings.confusion {
      try container.encode(ConfusionReport(confusion, findings.result), forKey: NamedKey("confusion"))
    }
    if let (path, comparison) = findings.comparison {
      try container.encode(ComparisonReport(path, comparison), forKey: NamedKey("comparison"))
    }
  }
}

private struct LossReport: Encodable {
  struct Row: Encodable {
    let classes: String
    let given, overCap, unknownCategory, notSearched, withoutArea, ignored, truePositives, falsePositives: Int
    let outsideAreaRange: [String: Int]
    let classCount: Int
    let neverPredicted: [Int]
  }

  let iouThreshold: Double
  let rows: [Row]

  init(_ losses: DetectionLosses) {
    iouThreshold = losses.threshold
    rows = losses.rows.map { row in
      Row(
        classes: "\(row.split)", given: row.givenCount, overCap: row.overCapCount,
        unknownCategory: row.unknownCategoryCount, notSearched: row.notSearchedCount,
        withoutArea: row.withoutAreaCount, ignored: row.ignoredCount, truePositives: row.truePositiveCount,
        falsePositives: row.falsePositiveCount,
        outsideAreaRange: Dictionary(zip(losses.areaRanges.map(\.name), row.outsideRangeCounts)) { $1 },
        classCount: row.classCount, neverPredicted: row.neverPredicted)
    }
  }
}

private struct ErrorRow: Encodable {
  struct Entry: Encodable {
    let count, ignored: Int
    let gain: Double
  }

  let classes: String
  let AP50: Double
  let objects, found: Int
  let errors: [String: Entry]

  init(_ row: ErrorBreakdown.Row) {
    classes = "\(row.split)"
    AP50 = row.averagePrecision
    objects = row.objectCount
    found = row.foundCount
    errors = Dictionary(
      row.entries.map {
        ($0.kind.rawValue, Entry(count: $0.count, ignored: $0.ignoredCount, gain: $0.gain))
      }
    ) { $1 }
  }
}

private struct ConfusionReport: Encodable {
  struct Row: Encodable {
    let classes: String
    let objects, correct: Int
    let calledAnotherOf: [String: Int]
    let missed: Int
  }

  struct Pair: Encodable {
    let object, calledAs: Int
    let objectName, calledAsName: String
    let count: Int
  }

  let rows: [Row]
  /// The hundred most frequent.
  let pairs: [Pair]

  init(_ confusion: ConfusionTable, _ result: EvaluationResult) {
    let names = Dictionary(result.classes.map { ($0.id, $0.name) }) { $1 }
    rows = confusion.rows.map { row in
      Row(
        classes: "\(row.split)", objects: row.objectCount, correct: row.correctCount,
        calledAnotherOf: Dictionary(zip(confusion.splits.map { "\($0)" }, row.wrongCounts)) { $1 },
        missed: row.missedCount)
    }
    pairs = confusion.pairs.prefix(100).map {
      Pair(
        object: $0.objectCategoryID, calledAs: $0.calledCategoryID, objectName: names[$0.objectCategoryID] ?? "",
        calledAsName: names[$0.calledCategoryID] ?? "", count: $0.count)
    }
  }
}

private struct ComparisonReport: Encodable {
  struct Entry: Encodable {
    let value, other: Double
    let difference: Double?
    /// Both ends of the 95 % interval.
    let interval: [Double]?
  }

  let other: String
  let replicates: Int
  let seed: UInt64
  let metrics: [String: Entry]
  /// AP by category id.
  let classes: [String: Entry]

  init(_ path: String, _ comparison: ResultComparison) {
    func entry(_ entry: ResultComparison.Entry) -> Entry {
      Entry(
        value: entry.second, other: entry.first, difference: entry.difference, interval: entry.interval.map(bounds))
    }
    other = path
    replicates = comparison.replicates
    seed = comparison.seed
    metrics = Dictionary(comparison.metrics.map { ($0.name, entry($0)) }) { $1 }
    classes = Dictionary(comparison.classes.map { ("\($0.id)", entry($0.averagePrecision)) }) { $1 }
  }
}
