import ArgumentParser
import BalancedGroupSoftmax

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
    let columns = EvaluationDocument.classColumns + metrics
    guard !columns.contains(where: { $0.lowercased() == sort.lowercased() }) else { return }
    let names = columns.map { $0.lowercased() }
    let nearest = closest(to: sort.lowercased(), among: names).map { "; did you mean \($0)?" } ?? ""
    throw ValidationError("--sort \(sort): classes have no such column\(nearest) (\(names.joined(separator: ", ")))")
  }
}

/// Every class with what is measured of it, as a table.
func classTable(_ document: EvaluationDocument) -> TextTable {
  let rows = document.classes ?? []
  let hasGroups = rows.contains { $0.group != nil }
  let isCompared = document.comparison != nil
  let names = rows.first?.metrics.map(\.name) ?? []
  var table = TextTable(
    [("id", .right), ("class", .left), ("f", .left)] + (hasGroups ? [("group", .left), ("instances", .right)] : [])
      + [("objects", .right), ("detections", .right)] + names.map { ($0, .right) }
      + (isCompared ? [("other AP", .right), ("ΔAP", .right), ("95 %", .left)] : []))
  for row in rows {
    table.add(
      ["\(row.id)", row.name, row.frequency?.rawValue ?? "–"]
        + (hasGroups
          ? [
            row.group.map { ClassSplit.group($0).description } ?? "–", row.trainingInstances.map { "\($0)" } ?? "–",
          ] : [])
        + ["\(row.objectCount)", "\(row.detectionCount)"] + row.metrics.map { NumberText.percent($0.value) }
        + (isCompared
          ? [
            NumberText.percent(row.comparison?.other), NumberText.points(row.comparison?.difference),
            EvaluationTables.interval(row.comparison?.interval),
          ] : []))
  }
  return table
}
