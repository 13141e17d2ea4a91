import Charts
import LVISDatasets

/// A report of one run or a comparison of several, heads and detections of no run included: one HTML page that needs
/// nothing else, neither network nor scripts of others; figures are SVG inside it.
public struct ReportPage: Sendable {
  /// The runs, in the order in which they are drawn and listed.
  public let runs: [ReportedRun]
  /// The comparison whose runs they are, one a method; `nil` where runs were named themselves.
  public let comparison: ComparisonDocument?
  /// The name of the comparison.
  public let comparisonName: String
  /// The classes of all runs, counted as the first head has them; `nil` where there is no head and none were given.
  public let groups: CategoryGroups?

  /// Makes a report.
  ///
  /// - Parameters:
  ///   - runs: What it is about, in the order in which it is drawn and listed.
  ///   - comparison: The comparison whose runs they are, one a method; `nil` where runs were named themselves.
  ///   - comparisonName: The name of the comparison.
  ///   - groups: The classes and their counts, in place of those that the first head has.
  /// - Throws: `ReportError` where there is no run, or the runs are of different classes.
  public init(
    _ runs: [ReportedRun], comparison: ComparisonDocument? = nil, named comparisonName: String = "",
    groups: CategoryGroups? = nil
  ) throws {
    guard !runs.isEmpty else { throw ReportError(.empty, nil, "there is no run to report") }
    let first = runs.first { $0.head != nil }
    let groups = groups ?? first?.head?.groups
    for run in runs {
      guard let head = run.head, head.groups.members.map(\.id) != groups?.members.map(\.id) else { continue }
      let other = first.map { $0.name == run.name ? "the classes given" : $0.name } ?? "the classes given"
      throw ReportError(.classes, run.name, "its categories are not those of \(other); they cannot share a report")
    }
    self.runs = runs
    self.groups = groups
    self.comparison = comparison
    self.comparisonName = comparisonName
  }

  /// How many runs a figure tells apart.
  private static let room = 6

  /// The runs that figures show: all, or where they are too many the first and the best of the others by AP.
  var shown: [ReportedRun] {
    firstAndBest(runs, room: Self.room) { $0.evaluation?["AP"] ?? -1 }
  }

  /// Whether something of the page is a run, and not only a file.
  var hasRuns: Bool { runs.contains { $0.record != nil } }

  private var hasHeads: Bool { runs.contains { $0.head != nil } }

  /// The page.
  ///
  /// - Throws: `ReportError` where a head's weights are not finite.
  public func html() throws -> String {
    var page = PageWriter(title: title)
    if let comparison { addComparison(comparison, to: &page) } else { addSummary(to: &page) }
    addRaces(to: &page)
    if let groups { addClasses(groups, to: &page) }
    try addTraining(to: &page)
    if let groups { try addWeightNorms(groups, to: &page) }
    try addPrecision(to: &page)
    addCurves(to: &page)
    if let groups { addScores(groups, to: &page) }
    addReliability(to: &page)
    addConfusion(to: &page)
    addLabelErrors(to: &page)
    addSettings(to: &page)
    addReproducibility(to: &page)
    return page.html
  }

  private var title: String {
    if let comparison { return "Comparison of \(comparison.methods.count) methods: \(comparisonName)" }
    let kind = runs[0].record != nil ? "Run" : runs[0].head != nil ? "Head" : "Results"
    return runs.count == 1 ? "\(kind) \(runs[0].name)" : "Comparison of \(runs.map(\.name).joined(separator: ", "))"
  }

  private func addSummary(to page: inout PageWriter) {
    let summaries = runs.map { run in
      groups.flatMap { groups in
        run.head.flatMap { head in
          try? WeightNormComparison(groups: groups, heads: [HeadNorms(name: run.name, head: head, groups: groups)])
        }
      }?.summaries.first
    }
    let precision = try? APComparison(runs.filter { $0.evaluation != nil }.map(\.precision))
    let metrics = precision.map { Array($0.metricSets.joined()) } ?? []
    page.section("Summary") { page in
      let facts = [groups.map(Self.text), hasRuns ? trainingText : nil].compactMap(\.self)
      if !facts.isEmpty { page.paragraph(facts.joined(separator: "; ") + ".") }
      var table = TextTable(
        [(hasRuns ? "run" : "file", .left)] + (hasHeads ? [("method", .left)] : [])
          + (metrics + (hasHeads ? ["rank correlation", "tail/head"] : []) + (hasRuns ? ["loss", "time"] : []))
          .map { ($0, .right) })
      for (run, summary) in zip(runs, summaries) {
        let ratios = [summary?.rankCorrelation, summary?.tailToHead]
        let result = run.record?.result
        table.add(
          [run.name] + (hasHeads ? [run.chosenMethod ?? run.head?.method ?? "–"] : [])
            + metrics.map { NumberText.percent(run.precision.value($0)) }
            + (hasHeads ? ratios.map { $0.map { NumberText.fixed($0, digits: 3) } ?? "–" } : [])
            + (hasRuns
              ? [
                result.map { NumberText.fixed($0.loss, digits: 4) } ?? "–",
                result.map { "\(NumberText.fixed($0.seconds, digits: 1)) s" } ?? "–",
              ] : []))
      }
      page.table(table, isWide: true)
      let notes = [
        metrics.isEmpty ? nil : "AP in per cent.",
        hasHeads
          ? "Rank correlation: Spearman's, of a class's weight norm and its instance count. Tail/head: the mean norm of "
            + "the rarest group over that of the most frequent." : nil,
        hasRuns ? "Loss: the mean of the last epoch." : nil,
      ]
      page.note(notes.compactMap(\.self).joined(separator: " "))
      addDifferences(to: &page)
    }
  }

  /// What was trained, and on what.
  private var trainingText: String {
    let kinds = Set(runs.compactMap(\.record?.hasAnchors))
    if kinds == [true] { return "the classifier's last convolution alone was trained, on cached feature maps" }
    let features = kinds == [false] ? "RoI features" : "features"
    return "the classifier's last layer alone was trained, on cached \(features)"
  }

  private static func text(_ groups: CategoryGroups) -> String {
    "\(NumberText.grouped(groups.classCount)) classes in \(groups.groupCount) groups by training "
      + groups.countedBy.rawValue
  }

  private func addComparison(_ comparison: ComparisonDocument, to page: inout PageWriter) {
    let table = ComparisonTable(comparison)
    let seeds = comparison.seeds.count == 1 ? "one seed" : "\(comparison.seeds.count) seeds"
    page.section("Summary") { page in
      page.paragraph(
        "\(comparison.methods.count) methods with the same budget and \(seeds)"
          + (groups.map { " on \(Self.text($0))" } ?? "") + "; \(trainingText).")
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

  /// The races by which methods were chosen.
  private func addRaces(to page: inout PageWriter) {
    let races = comparison.map { [("auto", $0.race)] } ?? runs.map { ($0.name, $0.record?.race) }
    for (name, race) in races {
      guard let race else { continue }
      let table = RaceTable(race)
      page.section(races.count == 1 ? "Race" : "Race of \(name)") { page in
        page.paragraph("\(table.verdict.prefix(1).uppercased() + table.verdict.dropFirst()).")
        page.table(table.table, isWide: true, isStacked: true)
        page.note(table.notes)
      }
    }
  }

  private func addClasses(_ groups: CategoryGroups, to page: inout PageWriter) {
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

  private func addWeightNorms(_ groups: CategoryGroups, to page: inout PageWriter) throws {
    var heads: [HeadNorms] = []
    for run in shown {
      guard let head = run.head else { continue }
      if let before = run.initialHead {
        let norms = HeadNorms(name: "\(run.initialHeadName), before", head: before, groups: groups)
        // Runs that start from one head show it once.
        if !heads.contains(where: { $0.classes == norms.classes }) { heads.append(norms) }
      }
      heads.append(HeadNorms(name: run.name, head: head, groups: groups))
    }
    guard !heads.isEmpty else { return }
    let comparison = try WeightNormComparison(groups: groups, heads: heads)
    page.section("Weight norms") { page in
      page.figure(comparison.chart(), csv: comparison.csv, named: "weightnorms")
      page.table(comparison.table)
    }
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

  private func addScores(_ groups: CategoryGroups, to page: inout PageWriter) {
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
}
