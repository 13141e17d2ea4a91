import BalancedGroupSoftmax
import Foundation

/// An evaluation as tables for the terminal; percentages, and a dash where there is nothing to measure.
enum EvaluationTables {
  static func percent(_ value: Double?) -> String { NumberText.percent(value.flatMap { $0 > -1 ? $0 : nil }) }

  /// Both ends of an interval.
  static func interval(_ bounds: [Double]?) -> String {
    bounds.map { $0.map { NumberText.points($0) }.joined(separator: " to ") } ?? "–"
  }

  private static func interval(_ interval: ClosedRange<Double>?) -> String {
    self.interval(interval.map { [$0.lowerBound, $0.upperBound] })
  }

  static func metrics(_ result: EvaluationResult, _ intervals: MetricIntervals? = nil) -> ResultSection {
    guard let intervals else {
      var table = TextTable([("metric", .left), ("%", .right)])
      for metric in result.metrics { table.add([metric.name, percent(metric.value)]) }
      return .table(table, caption: "Metrics in per cent.")
    }
    var table = TextTable([("metric", .left), ("%", .right), ("95 %", .left)])
    for metric in result.metrics {
      table.add([metric.name, percent(metric.value), range(intervals.metrics[metric.name])])
    }
    return .table(
      table,
      caption: "Metrics in per cent, with 95 % intervals over \(grouped(intervals.replicates)) draws of the images.")
  }

  /// Both ends of the interval of a metric, in per cent.
  static func range(_ bounds: [Double]?) -> String {
    bounds.map { $0.map { percent($0) }.joined(separator: " to ") } ?? "–"
  }

  /// What was asked for beside the metrics.
  ///
  /// - Parameters:
  ///   - findings: What was found.
  ///   - areas: The ranges of area that have metrics of their own.
  ///   - names: What to call the results compared with, and these.
  static func sections(
    _ findings: EvaluationFindings, areas: [AreaRange], names: (other: String, these: String)
  ) -> [ResultSection] {
    var sections: [ResultSection] = []
    if let losses = findings.losses { sections += self.losses(losses, findings.result, areas) }
    if let errors = findings.errors { sections += self.errors(errors) }
    if let confusion = findings.confusion { sections += self.confusion(confusion) }
    if let calibration = findings.calibration { sections += TrustTables.calibration(calibration) }
    if let shapes = findings.shapes { sections.append(TrustTables.shapes(shapes)) }
    if let labelErrors = findings.labelErrors { sections += TrustTables.labelErrors(labelErrors) }
    if let slices = findings.slices { sections += TrustTables.slices(slices) }
    if let comparison = findings.comparison { sections += self.comparison(comparison, names) }
    return sections
  }

  /// A row a fate, a column a frequency or group.
  private static func losses(
    _ losses: DetectionLosses, _ result: EvaluationResult, _ areas: [AreaRange]
  ) -> [ResultSection] {
    var table = TextTable([("detections", .left)] + losses.rows.map { ("\($0.split)", .right) })
    func add(_ name: String, _ count: (DetectionLosses.Row) -> Int) {
      table.add([name] + losses.rows.map { grouped(count($0)) })
    }
    add("given", \.givenCount)
    add("over the cap", \.overCapCount)
    add("of unknown categories", \.unknownCategoryCount)
    add("image not searched for the class", \.notSearchedCount)
    add("without an area", \.withoutAreaCount)
    add("ignored", \.ignoredCount)
    add("right, IoU \(losses.threshold)", \.truePositiveCount)
    add("wrong, IoU \(losses.threshold)", \.falsePositiveCount)
    for range in areas {
      add("of the last three, outside area \(range.name)") { $0.outsideRangeCounts[range.name] ?? 0 }
    }
    add("classes with objects", \.classCount)
    add("classes never predicted", \.neverPredicted.count)
    let names = Dictionary(result.classes.map { ($0.id, $0) }) { $1 }
    let never = losses.rows.first?.neverPredicted.compactMap { names[$0] } ?? []
    let counts = ResultSection.table(table, caption: "What became of the detections.")
    guard !never.isEmpty else { return [counts] }
    let list = never.prefix(50).map { "\($0.name) (\($0.frequency?.rawValue ?? "–"))" }.joined(separator: ", ")
    let rest = never.count > 50 ? " and \(grouped(never.count - 50)) more, all of them in the JSON" : ""
    return [counts, .text("Never predicted: " + list + rest)]
  }

  private static func errors(_ errors: ErrorBreakdown) -> [ResultSection] {
    func table(
      _ first: String, _ caption: String, _ cell: (ErrorBreakdown.Entry) -> String,
      _ more: [(String, (ErrorBreakdown.Row) -> String)]
    ) -> ResultSection {
      var table = TextTable(
        [(first, .left)] + ErrorBreakdown.Kind.allCases.map { ($0.rawValue, .right) } + more.map { ($0.0, .right) })
      for row in errors.rows {
        table.add(["\(row.split)"] + ErrorBreakdown.Kind.allCases.map { cell(row[$0]) } + more.map { $0.1(row) })
      }
      return .table(table, caption: caption)
    }
    return [
      table(
        "AP50 to gain", "AP50 in points that each kind of error costs.", { percent($0.gain) },
        [("AP50", { percent($0.averagePrecision) })]),
      table(
        "errors", "Errors of each kind.", { grouped($0.count) },
        [("found", { grouped($0.foundCount) }), ("objects", { grouped($0.objectCount) })]
      ),
      table("ignored ones", "Errors that count for nothing.", { grouped($0.ignoredCount) }, []),
    ]
  }

  private static func confusion(_ confusion: ConfusionTable) -> [ResultSection] {
    var table = TextTable(
      [("objects of", .left), ("count", .right), ("correct", .right)]
        + confusion.rows.map { ("another of \($0.split)", .right) } + [("missed", .right)])
    for row in confusion.rows where row.objectCount > 0 {
      func share(_ count: Int) -> String { percent(Double(count) / Double(row.objectCount)) + " %" }
      table.add(
        ["\(row.split)", grouped(row.objectCount), share(row.correctCount)]
          + confusion.rows.map { share(row.wrongCounts[$0.split] ?? 0) }
          + [share(row.missedCount)])
    }
    let shares = ResultSection.table(table, caption: "What objects are called by the best detection on them.")
    guard !confusion.pairs.isEmpty else { return [shares] }
    var pairs = TextTable([("object", .left), ("called", .left), ("times", .right)])
    for pair in confusion.pairs.prefix(10) {
      pairs.add([pair.objectName, pair.calledName, grouped(pair.count)])
    }
    return [shares, .table(pairs, caption: "The classes that are most often taken for others.")]
  }

  private static func comparison(
    _ comparison: ResultComparison, _ names: (other: String, these: String)
  ) -> [ResultSection] {
    var table = TextTable([
      ("metric", .left), (names.other, .right), (names.these, .right), ("Δ", .right), ("95 %", .left),
    ])
    for entry in comparison.metrics {
      table.add([
        entry.name, percent(entry.first), percent(entry.second), NumberText.points(entry.difference),
        interval(entry.interval),
      ])
    }
    let drawn =
      comparison.replicates > 0
      ? ", with the middle 95 % of the paired differences over \(grouped(comparison.replicates)) draws of the images"
      : ""
    let metrics = ResultSection.table(
      table, caption: "\(names.these) beside \(names.other), in per cent, and the difference in points\(drawn).")
    let clear = comparison.classes.filter(\.averagePrecision.isClear)
    guard !clear.isEmpty else { return [metrics] }
    let better = clear.count { $0.averagePrecision.difference ?? 0 > 0 }
    var classes = TextTable(
      [
        ("class", .left), ("f", .left), ("objects", .right), (names.other, .right), (names.these, .right),
        ("Δ", .right), ("95 %", .left),
      ])
    let ranked = clear.sorted {
      let (a, b) = ($0.averagePrecision.difference ?? 0, $1.averagePrecision.difference ?? 0)
      return abs(a) != abs(b) ? abs(a) > abs(b) : $0.id < $1.id
    }
    for row in ranked.prefix(20) {
      let entry = row.averagePrecision
      classes.add([
        row.name, row.frequency?.rawValue ?? "–", grouped(row.objectCount), percent(entry.first), percent(entry.second),
        NumberText.points(entry.difference), interval(entry.interval),
      ])
    }
    let all = grouped(comparison.classes.count)
    return [
      metrics,
      .text(
        "Of \(all) classes, \(grouped(better)) are clearly better and \(grouped(clear.count - better)) clearly worse; "
          + "those that differ most:"),
      .table(classes, caption: "The classes whose AP differs most beyond doubt."),
    ]
  }
}
