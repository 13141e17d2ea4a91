import Charts
import MethodComparison

/// The table of a comparison: a line a method, means over the seeds with their spread, the best of each column marked.
public struct ComparisonTable: Sendable {
  /// A column of the table: a metric, or another number of a method.
  public struct Column: Sendable {
    /// The title above the column.
    public let name: String
    /// What JSON calls it.
    let key: String
    /// What its numbers are multiplied by to be shown.
    let scale: Double
    let digits: Int
    /// A method's value; `nil` where it is not defined.
    let value: @Sendable (ComparisonDocument.Method) -> ComparisonDocument.Measure?
    /// How good a value is, the more the better; `nil` for a column where none is best.
    let merit: (@Sendable (Double) -> Double)?
  }

  /// The columns behind method and setting.
  public let columns: [Column]
  /// The comparison that is tabulated.
  public let document: ComparisonDocument

  /// Makes the table of a comparison.
  public init(_ document: ComparisonDocument) {
    self.document = document
    columns =
      document.shownMetrics.map { name in
        Column(name: name, key: name, scale: 100, digits: 2, value: { $0.metrics[name] }, merit: { $0 })
      } + [
        Column(
          name: "norm–count", key: "norm_count_correlation", scale: 1, digits: 2, value: { $0.normCountCorrelation },
          merit: { -abs($0) }),
        Column(
          name: "epochs", key: "epochs", scale: 1, digits: 0,
          value: { $0.runs.isEmpty ? nil : ComparisonDocument.Measure([Double($0.epochs)]) }, merit: nil),
        Column(name: "seconds", key: "seconds", scale: 1, digits: 1, value: { $0.seconds }, merit: { -$0 }),
      ]
  }

  /// For every column the rows that are best, to the digits shown; none where no two rows can be compared.
  public var best: [Set<Int>] {
    columns.map { column in
      guard let merit = column.merit else { return [] }
      let merits = document.methods.enumerated().compactMap { row, method in
        column.value(method).map { (row: row, text: text($0.mean, column), merit: merit($0.mean)) }
      }
      guard merits.count > 1, let top = merits.max(by: { $0.merit < $1.merit }) else { return [] }
      return Set(merits.filter { $0.text == top.text }.map(\.row))
    }
  }

  /// The table, for a terminal, Markdown or a page.
  public var table: TextTable {
    let best = best
    var table = TextTable([("method", .left), ("trained with", .left)] + columns.map { ($0.name, .right) })
    for (row, method) in document.methods.enumerated() {
      let cells = zip(columns, best).map { column, best -> TextTable.Cell in
        guard let value = column.value(method) else { return TextTable.Cell("–") }
        return TextTable.Cell(
          text(value.mean, column), detail: value.spread.map { " ±" + text($0, column) } ?? "",
          isBest: best.contains(row))
      }
      table.add(cells: [TextTable.Cell(method.method), TextTable.Cell(method.settingText)] + cells)
    }
    return table
  }

  /// A table of the trials of tuning: a line a method, the picked trial bold in Markdown; `nil` where nothing was
  /// tuned.
  public var tuning: TextTable? {
    let tuned = document.methods.filter { $0.tuning != nil }
    guard !tuned.isEmpty else { return nil }
    var table = TextTable([
      ("method", .left), ("trials: learning rate and parameters → AP on held-out images", .left),
    ])
    for method in tuned {
      guard let record = method.tuning else { continue }
      let best = record.trials.map(record.score).max()
      var isMarked = false
      let trials = record.trials.map { trial -> String in
        let score = record.score(of: trial)
        let parameters = trial.parameters.sorted { $0.key < $1.key }.map { " \($0.key) \($0.value)" }.joined()
        let text =
          "\(NumberText.short(trial.learningRate))\(parameters) → "
          + (score.isFinite ? NumberText.percent(score) : "diverged")
        defer { if score == best { isMarked = true } }
        return score == best && !isMarked ? "**\(text)**" : text
      }
      table.add([method.method, trials.joined(separator: "; ")])
    }
    return table
  }

  /// The figure: a line a method, the best AP on top; on it a point for AP and for each group's AP, or each frequency's
  /// where there are no groups.
  public var scores: MethodScores {
    let names = document.shownMetrics
    let groups = names.filter { Int($0.dropFirst(2)) != nil }
    return MethodScores(
      document.methods.map { MethodScores.Row(name: $0.method, values: $0.metrics.mapValues(\.values)) },
      metrics: names.filter { $0 == "AP" } + (groups.isEmpty ? names.filter { $0 != "AP" } : groups))
  }

  private func text(_ value: Double, _ column: Column) -> String {
    NumberText.fixed(value * column.scale, digits: column.digits).replacing("-", with: "−")
  }
}

extension ComparisonDocument {
  /// The metrics of the table, in its order; of a file of an earlier version, those that some method has.
  var shownMetrics: [String] {
    metricNames ?? averagePrecisionNames(Set(methods.flatMap { $0.metrics.keys })).flatMap(\.self)
  }
}
