import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// How classes are shown.
struct ClassTableOptions: ParsableArguments {
  @Flag(help: "Show every class too.")
  var perClass = false

  @Option(help: .init("Write a table of every class, as .csv or .json.", valueName: "file"))
  var perClassOutput: String?

  @Option(
    help: .init(
      "Order of the classes: id, name, frequency, group, count (objects), instances (of training, with --groups), detections, or a metric such as ap, ap50, ar; difference, with --compare. Numbers from the highest down.",
      valueName: "column"))
  var sort = "id"

  @Flag(help: "The classes the other way round; those without a value stay last.")
  var reverse = false

  func validate() throws { try TableFormat.check(perClassOutput, option: "--per-class-output") }

  /// - Throws: `ValidationError` for a column that there is not.
  func validate(metrics: [String]) throws {
    let columns = ClassTable.fixedColumns + ["count", "difference"] + metrics
    guard !columns.contains(where: { $0.lowercased() == sort.lowercased() }) else { return }
    let names = columns.map { $0.lowercased() }
    let nearest = closest(to: sort.lowercased(), among: names).map { "; did you mean \($0)?" } ?? ""
    throw ValidationError("--sort \(sort): classes have no such column\(nearest) (\(names.joined(separator: ", ")))")
  }
}

/// Every class with what is measured of it, in the order asked for.
struct ClassTable {
  static let fixedColumns = ["id", "name", "frequency", "group", "instances", "objects", "detections"]

  struct Row {
    let result: ClassResult
    let group: String?
    /// Its instances in the training data; `nil` where no groups say so.
    let trainingInstances: Int?
    /// How its AP differs from that of the other results.
    let comparison: ResultComparison.Entry?
  }

  let rows: [Row]
  private let hasGroups: Bool
  private let isCompared: Bool

  /// - Parameters:
  ///   - trainingInstances: By category id, as the groups have them.
  ///   - column: What the classes are sorted by, in lower case.
  ///   - isReversed: Whether the other way round.
  init(
    _ findings: EvaluationFindings, groups: CategoryPartition?, trainingInstances: [Int: Int] = [:],
    sortedBy column: String = "id", isReversed: Bool = false
  ) {
    let compared = findings.comparison?.comparison.classes ?? []
    let entries = Dictionary(compared.map { ($0.id, $0.averagePrecision) }) { $1 }
    hasGroups = groups != nil
    isCompared = findings.comparison != nil
    let rows = findings.result.classes.map { result in
      Row(
        result: result, group: groups?.group(ofCategory: result.id).map { "G\($0 + 1)" },
        trainingInstances: trainingInstances[result.id], comparison: entries[result.id])
    }
    self.rows = Self.sorted(rows, by: column, isReversed: isReversed)
  }

  private static func sorted(_ rows: [Row], by column: String, isReversed: Bool) -> [Row] {
    func ordered<Key>(_ key: (Row) -> Key?, _ precedes: (Key, Key) -> Bool) -> [Row] {
      rows.enumerated().sorted { a, b in
        switch (key(a.element), key(b.element)) {
        case (let x?, let y?):
          if precedes(x, y) { return !isReversed }
          if precedes(y, x) { return isReversed }
          return a.offset < b.offset
        case (.some, nil): return true
        case (nil, .some): return false
        case (nil, nil): return a.offset < b.offset
        }
      }.map(\.element)
    }
    switch column {
    case "id": return ordered({ $0.result.id }, <)
    case "name": return ordered({ $0.result.name }, <)
    // r, c, f: from the rarest.
    case "frequency":
      return ordered({ row in row.result.frequency.map { ["r", "c", "f"].firstIndex(of: $0.rawValue) ?? 3 } }, <)
    case "group": return ordered({ row in row.group.flatMap { Int($0.dropFirst()) } }, <)
    case "instances": return ordered({ $0.trainingInstances }, >)
    case "objects", "count": return ordered({ $0.result.objectCount }, >)
    case "detections": return ordered({ $0.result.detectionCount }, >)
    case "difference": return ordered({ $0.comparison?.difference }, >)
    default:
      return ordered(
        { row in row.result.metrics.first { $0.name.lowercased() == column && $0.value > -1 }?.value }, >)
    }
  }

  /// The table for the terminal.
  var rendered: String {
    let names = rows.first?.result.metrics.map(\.name) ?? []
    var table = TextTable(
      [("id", .right), ("class", .left), ("f", .left)] + (hasGroups ? [("group", .left), ("instances", .right)] : [])
        + [("objects", .right), ("detections", .right)] + names.map { ($0, .right) }
        + (isCompared ? [("other AP", .right), ("ΔAP", .right), ("95 %", .left)] : []))
    for row in rows {
      let result = row.result
      table.add(
        ["\(result.id)", result.name, result.frequency?.rawValue ?? "–"]
          + (hasGroups ? [row.group ?? "–", row.trainingInstances.map { "\($0)" } ?? "–"] : [])
          + ["\(result.objectCount)", "\(result.detectionCount)"]
          + result.metrics.map { EvaluationTables.percent($0.value) }
          + (isCompared
            ? [
              EvaluationTables.percent(row.comparison?.first), EvaluationTables.points(row.comparison?.difference),
              EvaluationTables.interval(row.comparison?.interval),
            ] : []))
    }
    return table.rendered()
  }

  /// Writes the table: CSV, where what cannot be measured is empty, or JSON, where it is −1.
  func write(to path: String) throws {
    switch TableFormat(path: path) {
    case .json: try DurableFile.write(jsonText(rows) + "\n", to: path)
    case .csv, nil: try DurableFile.write(csv, to: path)
    }
  }

  private var csv: String {
    let names = rows.first?.result.metrics.map(\.name) ?? []
    func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    let header =
      Self.fixedColumns.filter { hasGroups || !["group", "instances"].contains($0) } + names
      + (isCompared ? ["other_AP", "difference", "lower", "upper"] : [])
    return csvText(
      [header]
        + rows.map { row in
          let result = row.result
          return ["\(result.id)", result.name, result.frequency?.rawValue ?? ""]
            + (hasGroups ? [row.group ?? "", row.trainingInstances.map { "\($0)" } ?? ""] : [])
            + ["\(result.objectCount)", "\(result.detectionCount)"]
            + result.metrics.map { $0.value > -1 ? number($0.value) : "" }
            + (isCompared
              ? [
                number(row.comparison?.first), number(row.comparison?.difference),
                number(row.comparison?.interval?.lowerBound), number(row.comparison?.interval?.upperBound),
              ] : [])
        })
  }
}

extension ClassTable.Row: Encodable {
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: NamedKey.self)
    try container.encode(result.id, forKey: NamedKey("id"))
    try container.encode(result.name, forKey: NamedKey("name"))
    try container.encode(result.frequency?.rawValue, forKey: NamedKey("frequency"))
    try container.encodeIfPresent(group, forKey: NamedKey("group"))
    try container.encodeIfPresent(trainingInstances, forKey: NamedKey("training_instances"))
    try container.encode(result.objectCount, forKey: NamedKey("objects"))
    try container.encode(result.detectionCount, forKey: NamedKey("detections"))
    for metric in result.metrics { try container.encode(metric.value, forKey: NamedKey(metric.name)) }
    guard let comparison else { return }
    try container.encode(comparison.first, forKey: NamedKey("otherAP"))
    try container.encodeIfPresent(comparison.difference, forKey: NamedKey("difference"))
    try container.encodeIfPresent(comparison.interval.map(bounds), forKey: NamedKey("interval"))
  }
}

/// A key of a JSON object that is named at run time.
struct NamedKey: CodingKey {
  let stringValue: String
  var intValue: Int? { nil }
  init(_ name: String) { stringValue = name }
  init?(stringValue: String) { self.stringValue = stringValue }
  init?(intValue: Int) { nil }
}

/// Both ends of an interval, as JSON has it.
func bounds(_ interval: ClosedRange<Double>) -> [Double] { [interval.lowerBound, interval.upperBound] }
