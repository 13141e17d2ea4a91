import Charts
import LVISDatasets
import LVISEvaluation

extension ReportPage {
  func addPrecision(to page: inout PageWriter) throws {
    let evaluated = runs.filter { $0.evaluation?.metrics.isEmpty == false }
    guard !evaluated.isEmpty else { return }
    let comparison = try APComparison(evaluated.map(\.precision))
    let perClass = shown.compactMap { run in
      run.evaluation.map { ClassAPComparison.Result(name: run.name, method: run.method, values: $0.classAP) }
    }.filter { !$0.values.isEmpty }
    page.section("Average precision") { page in
      if self.comparison == nil { page.figure(comparison.chart, csv: comparison.csv, named: "ap") }
      if !hasRuns { page.table(Self.metricTable(evaluated), isWide: true) }
      guard let groups, !perClass.isEmpty else { return }
      let classes = ClassAPComparison(groups: groups, results: perClass)
      page.figure(classes.chart, csv: classes.csv, named: "class-ap")
      for gained in [true, false] {
        addChanges(
          classes.largestChanges(ClassAPComparison.markedChanges, gained: gained), of: classes, groups: groups,
          gained: gained, to: &page)
      }
    }
  }

  /// Every metric of every evaluation, a row a metric.
  private static func metricTable(_ runs: [ReportedRun]) -> TextTable {
    var table = TextTable([("metric, %", .left)] + runs.map { ($0.name, .right) })
    var names: [String] = []
    for metric in runs.flatMap({ $0.evaluation?.metrics ?? [] }) where !names.contains(metric.name) {
      names.append(metric.name)
    }
    for name in names { table.add([name] + runs.map { NumberText.percent($0.evaluation?[name]) }) }
    return table
  }

  private func addChanges(
    _ changes: [ClassAPComparison.Change], of comparison: ClassAPComparison, groups: CategoryGroups, gained: Bool,
    to page: inout PageWriter
  ) {
    guard !changes.isEmpty, let first = comparison.results.first, let last = comparison.results.last else { return }
    page.heading("Classes that \(gained ? "gained" : "lost") most")
    var table = TextTable(
      [("class", .left), ("group", .left)]
        + ["instances", first.name, last.name, "change"].map { ($0, TextTable.Alignment.right) })
    for change in changes {
      let member = groups.members[change.classIndex]
      table.add([
        member.name, "G\(member.group + 1)", NumberText.grouped(member.instanceCount),
        NumberText.percent(change.before, digits: 1), NumberText.percent(change.after, digits: 1),
        NumberText.points(change.after - change.before, digits: 1),
      ])
    }
    page.table(table)
  }

  /// The differences of evaluations to the first one, where they were made against it.
  func addDifferences(to page: inout PageWriter) {
    guard let base = runs.first(where: { $0.evaluation != nil })?.name else { return }
    let compared = runs.compactMap { run in
      run.evaluation?.comparison.flatMap { $0.otherName == base ? (run.name, $0) : nil }
    }
    guard let first = compared.first?.1 else { return }
    let names = averagePrecisionNames(Set(first.metrics.keys)).flatMap(\.self)
    var table = TextTable([("less \(base)", .left)] + names.map { ($0, .right) })
    for (name, comparison) in compared {
      let cells = names.map { metric -> TextTable.Cell in
        let entry = comparison.metrics[metric]
        let bounds = entry?.interval ?? []
        guard bounds.count == 2 else { return TextTable.Cell(NumberText.points(entry?.difference)) }
        return TextTable.Cell(
          NumberText.points(entry?.difference),
          detail: " (\(NumberText.points(bounds[0])) to \(NumberText.points(bounds[1])))",
          isBest: bounds[0] > 0 || bounds[1] < 0)
      }
      table.add(cells: [TextTable.Cell(name)] + cells)
    }
    page.heading("Differences to \(base)")
    page.table(table, isWide: true, isStacked: true)
    page.note(
      "In points, with the middle 95 % of \(NumberText.grouped(first.replicates)) paired draws of images; those that leave "
        + "no doubt are bold.")
  }
}

extension ClassAPComparison {
  /// One line a class, the most frequent first: `class_id,name,instance_count,group` and each result's AP as a fraction.
  public var csv: String {
    let header = ["class_id", "name", "instance_count", "group"] + results.map(\.name)
    let rows = groups.classesByFrequency.map { index in
      let member = groups.members[index]
      return ["\(member.id)", member.name, "\(member.instanceCount)", "G\(member.group + 1)"]
        + results.map { result in result.values[member.id].map { "\($0)" } ?? "" }
    }
    return csvText([header] + rows)
  }
}

extension ReportedRun {
  /// The run's metrics for a comparison.
  var precision: APComparison.Result {
    APComparison.Result(name: name, method: method, metrics: evaluation?.metricsByName ?? [:])
  }
}
