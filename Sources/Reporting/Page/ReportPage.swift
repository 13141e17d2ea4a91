import Charts
import LVISDatasets

/// A report of one run or a comparison of several: one HTML page that needs nothing else, neither network nor scripts of
/// others; figures are SVG inside it.
public struct ReportPage: Sendable {
  /// The runs, in the order in which they are drawn and listed.
  public let runs: [ReportedRun]
  /// The comparison whose runs they are, one a method; `nil` where runs were named themselves.
  public let comparison: ComparisonDocument?
  /// The name of the comparison.
  public let comparisonName: String
  /// The classes of all runs, counted as the first one has them.
  public var groups: CategoryGroups { runs[0].head.groups }

  /// Makes a report.
  ///
  /// - Throws: `ReportError` where there is no run, or the runs are of different classes.
  public init(_ runs: [ReportedRun], comparison: ComparisonDocument? = nil, named comparisonName: String = "") throws {
    guard let first = runs.first else { throw ReportError(.empty, nil, "there is no run to report") }
    for run in runs where run.head.groups.members.map(\.id) != first.head.groups.members.map(\.id) {
      throw ReportError(
        .classes, run.name, "its categories are not those of \(first.name); they cannot share a report")
    }
    self.runs = runs
    self.comparison = comparison
    self.comparisonName = comparisonName
  }

  /// How many runs a figure tells apart.
  private static let room = 6

  /// The runs that figures show: all, or where they are too many the first and the best of the others by AP.
  private var shown: [ReportedRun] {
    firstAndBest(runs, room: Self.room) { $0.evaluation?["AP"] ?? -1 }
  }

  /// The page.
  ///
  /// - Throws: `ReportError` where a head's weights are not finite.
  public func html() throws -> String {
    var page = PageWriter(title: title)
    if let comparison { addComparison(comparison, to: &page) } else { addSummary(to: &page) }
    addClasses(to: &page)
    try addTraining(to: &page)
    try addWeightNorms(to: &page)
    try addPrecision(to: &page)
    addCurves(to: &page)
    addScores(to: &page)
    addConfusion(to: &page)
    addSettings(to: &page)
    addReproducibility(to: &page)
    return page.html
  }

  private var title: String {
    if let comparison { return "Comparison of \(comparison.methods.count) methods: \(comparisonName)" }
    return runs.count == 1 ? "Run \(runs[0].name)" : "Comparison of \(runs.map(\.name).joined(separator: ", "))"
  }

  private func addSummary(to page: inout PageWriter) {
    let heads = runs.map { HeadNorms(name: $0.name, head: $0.head, groups: groups) }
    let summaries = (try? WeightNormComparison(groups: groups, heads: heads))?.summaries ?? []
    let precision = try? APComparison(runs.map(\.precision))
    let metrics = precision.map { Array($0.metricSets.joined()) } ?? []
    page.section("Summary") { page in
      page.paragraph(
        "\(NumberText.grouped(groups.classCount)) classes in \(groups.groupCount) groups by training "
          + "\(groups.countedBy.rawValue); the classifier's last layer alone was trained, on cached RoI features.")
      var table = TextTable(
        [("run", .left), ("method", .left)]
          + (metrics + ["rank correlation", "tail/head", "loss", "time"]).map { ($0, .right) })
      for (index, run) in runs.enumerated() {
        let summary = index < summaries.count ? summaries[index] : nil
        let ratios = [summary?.rankCorrelation, summary?.tailToHead]
        let result = run.record.result
        table.add(
          [run.name, run.record.method] + metrics.map { NumberText.percent(run.precision.value($0)) }
            + ratios.map { $0.map { NumberText.fixed($0, digits: 3) } ?? "–" }
            + [
              result.map { NumberText.fixed($0.loss, digits: 4) } ?? "–",
              result.map { "\(NumberText.fixed($0.seconds, digits: 1)) s" } ?? "–",
            ])
      }
      page.table(table, isWide: true)
      page.note(
        (metrics.isEmpty ? "" : "AP in per cent. ")
          + "Rank correlation: Spearman's, of a class's weight norm and its instance count. Tail/head: the mean norm of "
          + "the rarest group over that of the most frequent. Loss: the mean of the last epoch.")
    }
  }

  private func addComparison(_ comparison: ComparisonDocument, to page: inout PageWriter) {
    let table = ComparisonTable(comparison)
    let seeds = comparison.seeds.count == 1 ? "one seed" : "\(comparison.seeds.count) seeds"
    page.section("Summary") { page in
      page.paragraph(
        "\(comparison.methods.count) methods with the same budget and \(seeds) on "
          + "\(NumberText.grouped(groups.classCount)) classes in \(groups.groupCount) groups by training "
          + "\(groups.countedBy.rawValue); the classifier's last layer alone was trained, on cached RoI features.")
      page.table(table.table, isWide: true)
      page.note(
        "AP in per cent, means over the seeds ± their standard deviation. Of each metric the best is bold, and what "
          + "cannot be told from it. "
          + "Norm–count: Spearman's rank correlation of a class's weight norm and its instance count.")
      if let differences = table.differences {
        page.heading("Differences to \(comparison.methods.first?.method ?? "the first")")
        page.table(differences, isWide: true, isStacked: true)
        let drawn = comparison.replicates.map {
          ", with the middle 95 % of \(NumberText.grouped($0)) paired draws of validation images"
            + (comparison.seeds.count > 1 ? " and of seeds" : "")
        }
        page.note("In points\(drawn ?? ""); those that leave no doubt are bold.")
      }
      page.figure(table.scores.chart, csv: table.scores.csv, named: "methods")
      for method in comparison.methods {
        for failure in method.failures { page.note("\(method.method), \(failure)") }
      }
      if runs.count > Self.room {
        page.note(
          "The figures below show the first method and the best of the others by AP, each with its first seed; training "
            + "curves are of all seeds.")
      } else if comparison.seeds.count > 1 {
        page.note("The figures below show the first seed of each method; training curves are of all seeds.")
      }
    }
  }

  private func addClasses(to page: inout PageWriter) {
    page.section("Classes and groups") { page in
      page.figure(groups.frequencyChart(), csv: groups.frequencyCSV, named: "groups")
      page.table(groups.table)
    }
  }

  private func addTraining(to page: inout PageWriter) throws {
    let curves = try shown.filter { !$0.metrics.isEmpty }.map {
      try TrainingCurves.Run(name: $0.name, method: $0.method, metrics: $0.metrics, otherSeeds: $0.otherSeeds)
    }
    guard !curves.isEmpty else { return }
    page.section("Training") { page in
      let all = TrainingCurves(curves)
      page.figure(all.chart, csv: all.csv, named: "training")
      guard (2...4).contains(curves.count) else { return }
      for run in curves where !run.components.isEmpty {
        var chart = TrainingCurves([run]).chart
        chart.title = "Loss of every group"
        chart.panels.removeSubrange(1...)
        page.figure(chart, csv: TrainingCurves([run]).csv, named: "training-\(run.name)")
      }
    }
  }

  private func addWeightNorms(to page: inout PageWriter) throws {
    var heads: [HeadNorms] = []
    for run in shown {
      if let before = run.initialHead {
        let norms = HeadNorms(name: "\(run.initialHeadName), before", head: before, groups: groups)
        // Runs that start from one head show it once.
        if !heads.contains(where: { $0.classes == norms.classes }) { heads.append(norms) }
      }
      heads.append(HeadNorms(name: run.name, head: run.head, groups: groups))
    }
    let comparison = try WeightNormComparison(groups: groups, heads: heads)
    page.section("Weight norms") { page in
      page.figure(comparison.chart(), csv: comparison.csv, named: "weightnorms")
      page.table(comparison.table)
    }
  }

  private func addPrecision(to page: inout PageWriter) throws {
    let evaluated = runs.filter { $0.evaluation?.metrics.isEmpty == false }
    guard !evaluated.isEmpty else { return }
    let comparison = try APComparison(evaluated.map(\.precision))
    let perClass = shown.compactMap { run in
      run.evaluation.map { ClassAPComparison.Result(name: run.name, method: run.method, values: $0.classAP) }
    }.filter { !$0.values.isEmpty }
    page.section("Average precision") { page in
      if self.comparison == nil { page.figure(comparison.chart, csv: comparison.csv, named: "ap") }
      guard !perClass.isEmpty else { return }
      let classes = ClassAPComparison(groups: groups, results: perClass)
      page.figure(classes.chart, csv: classes.csv, named: "class-ap")
      for gained in [true, false] {
        addChanges(
          classes.largestChanges(ClassAPComparison.markedChanges, gained: gained), of: classes, gained: gained,
          to: &page)
      }
    }
  }

  private func addChanges(
    _ changes: [ClassAPComparison.Change], of comparison: ClassAPComparison, gained: Bool, to page: inout PageWriter
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

  private func addCurves(to page: inout PageWriter) {
    let results = shown.compactMap { run in
      run.evaluation?.curves.map { PrecisionRecallComparison.Result(name: run.name, method: run.method, curves: $0) }
    }
    guard !results.isEmpty else { return }
    let comparison = PrecisionRecallComparison(results)
    page.section("Precision and recall") { page in
      page.figure(comparison.chart, csv: comparison.csv, named: "precision-recall")
    }
  }

  private func addScores(to page: inout PageWriter) {
    let results = shown.compactMap(\.scores)
    guard !results.isEmpty else { return }
    let distribution = ScoreDistribution(groups: groups, results: results)
    page.section("Scores") { page in
      page.figure(distribution.chart, csv: distribution.csv, named: "scores")
    }
  }

  private func addConfusion(to page: inout PageWriter) {
    let confused = shown.compactMap { run in
      run.evaluation?.confusion.map { GroupConfusion(name: run.name, rows: $0.rows) }
    }
    guard !confused.isEmpty else { return }
    page.section("Confusion between groups") { page in
      for confusion in confused {
        page.figure(confusion.chart, csv: confusion.csv, named: "confusion-\(confusion.name)")
      }
    }
  }

  /// How many columns of settings fit a page.
  private static let settingsRoom = 4

  /// What differs from run to run and says nothing of a method.
  private static let unremarkable: Set = ["begun"]

  private func addSettings(to page: inout PageWriter) {
    page.section("Settings") { page in
      let names = Self.merged(runs.map { $0.settings.map(\.name) })
      let rows = names.map { name in
        (name: name, values: runs.map { run in run.settings.first { $0.name == name }?.value })
      }
      if runs.count <= Self.settingsRoom {
        page.paragraph("Every setting of every run; what differs is marked. Each command repeats its run.")
        page.settings(names: runs.map(\.name), rows: rows.map { ($0.name, $0.values.map { $0 ?? "–" }) })
      } else {
        page.paragraph("What all runs share, then what each has of its own. Each command repeats its run.")
        let shared = rows.filter { Set($0.values).count == 1 }
        page.settings(names: ["all runs"], rows: shared.map { ($0.name, [$0.values[0] ?? "–"]) })
        let own = rows.filter { Set($0.values).count > 1 && !Self.unremarkable.contains($0.name) }
        page.settings(
          heading: "run", names: ["settings of its own"],
          rows: runs.indices.map { index in
            let texts = own.compactMap { row in row.values[index].map { "\(row.name) \($0)" } }
            return (runs[index].name, [texts.joined(separator: ", ")])
          })
      }
      for run in runs { page.command(run.record.commandLines, name: runs.count > 1 ? run.name : nil) }
    }
  }

  private func addReproducibility(to page: inout PageWriter) {
    let facts = comparison.map(\.reproducibility) ?? Reproducibility(of: runs.map(\.record))
    guard let facts else { return }
    page.section("Reproducibility") { page in
      page.paragraph(facts.text)
      if let command = facts.command { page.command([command], name: nil) }
      page.note("`bags methods --bibtex` prints the papers that the methods come from.")
    }
  }

  /// The union of several lists; what only some have stands behind what it follows there.
  private static func merged(_ lists: [[String]]) -> [String] {
    var result: [String] = []
    for list in lists {
      var place = 0
      for item in list {
        if let known = result.firstIndex(of: item) {
          place = known + 1
        } else {
          result.insert(item, at: place)
          place += 1
        }
      }
    }
    return result
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
  fileprivate var precision: APComparison.Result {
    APComparison.Result(name: name, method: method, metrics: evaluation?.metricsByName ?? [:])
  }

  /// Every setting and what the run was fed, by name.
  fileprivate var settings: [(name: String, value: String)] {
    record.options.map { (name: $0.name, value: $0.value) }
      + record.inputs.sorted { $0.key < $1.key }.map { (name: "fingerprint of \($0.key)", value: $0.value.fingerprint) }
      + [
        ("layout of the logits", head.layout.name), ("RoIs", NumberText.grouped(record.roiCount)),
        ("images", NumberText.grouped(record.imageCount)), ("feature length", NumberText.grouped(record.featureCount)),
        ("group boundaries", head.groups.boundaries.map(String.init).joined(separator: ", ")),
        ("program", record.program), ("BLAS kernels", record.blasKernels), ("begun", record.created),
      ]
  }
}
