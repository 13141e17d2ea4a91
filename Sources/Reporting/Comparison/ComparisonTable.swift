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
        Column(name: name, key: name, scale: 100, digits: 2, value: { $0.metrics[name] })
      } + [
        Column(
          name: "norm–count", key: "norm_count_correlation", scale: 1, digits: 2, value: { $0.normCountCorrelation }),
        Column(
          name: "epochs", key: "epochs", scale: 1, digits: 0,
          value: { $0.runs.isEmpty ? nil : ComparisonDocument.Measure([Double($0.epochs)]) }),
        Column(name: "seconds", key: "seconds", scale: 1, digits: 1, value: { $0.seconds }),
      ]
  }

  /// For every column the rows that are best; none in columns that are no metric, and where there are no intervals to
  /// tell.
  public var best: [Set<Int>] {
    let metrics = Set(document.shownMetrics)
    return columns.map { column in
      let names = metrics.contains(column.key) ? document.best[column.key] ?? [] : []
      return Set(document.methods.indices.filter { names.contains(document.methods[$0].method) })
    }
  }

  /// The differences to the first method: a line for each of the others, clear ones marked; `nil` where none are known.
  public var differences: TextTable? {
    let others = document.methods.dropFirst().filter { $0.differences?.isEmpty == false }
    guard let first = document.methods.first, !others.isEmpty else { return nil }
    let names = document.shownMetrics.filter { name in others.contains { $0.differences?[name] != nil } }
    var table = TextTable([("less \(first.method)", .left)] + names.map { ($0, .right) })
    for method in others {
      let cells = names.map { name -> TextTable.Cell in
        guard let difference = method.differences?[name] else { return TextTable.Cell("–") }
        guard let lower = difference.lower, let upper = difference.upper else {
          return TextTable.Cell(signed(difference.difference))
        }
        return TextTable.Cell(
          signed(difference.difference), detail: " (\(signed(lower)) to \(signed(upper)))",
          isBest: lower > 0 || upper < 0)
      }
      table.add(cells: [TextTable.Cell(method.method)] + cells)
    }
    return table
  }

  private func signed(_ value: Double) -> String {
    let text = NumberText.fixed(value * 100, digits: 2).replacing("-", with: "−")
    return value > 0 && text != "0.00" ? "+\(text)" : text
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
      ("method", .left),
      ("trials: learning rate and parameters → AP on held-out images, ¹ on the first split of them alone", .left),
    ])
    for method in tuned {
      guard let record = method.tuning else { continue }
      let splits = record.trials.compactMap(\.splits).max() ?? 0
      let trials = record.trials.map { trial -> String in
        let score = record.score(of: trial)
        let parameters = trial.parameters.sorted { $0.key < $1.key }.map { " \($0.key) \($0.value)" }.joined()
        let text =
          "\(NumberText.short(trial.learningRate))\(parameters) → "
          + (score.isFinite ? NumberText.percent(score) : "diverged") + (trial.splits ?? 0 < splits ? "¹" : "")
        return trial == record.chosen ? "**\(text)**" : text
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
