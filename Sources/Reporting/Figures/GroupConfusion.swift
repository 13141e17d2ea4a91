import Charts
import LVISEvaluation

/// A figure of what the objects of each group, or frequency, are called.
public struct GroupConfusion: Sendable {
  /// The name of the result in the figure.
  public let name: String
  /// The rows, the rarest classes first.
  public let rows: [ConfusionTable.Row]

  /// Makes a figure from a confusion table's rows, the rarest classes first.
  public init(name: String, rows: [ConfusionTable.Row]) {
    self.name = name
    self.rows = rows
  }

  private var columns: [(title: String, count: (ConfusionTable.Row) -> Int)] {
    [("correct", { $0.correctCount })]
      + rows.map { row in ("\(row.split)", { $0.wrongCounts[row.split] ?? 0 }) } + [("missed", { $0.missedCount })]
  }

  /// The figure: a row a group, the share of its objects in each cell.
  public var chart: Chart {
    let columns = columns
    let count = Double(rows.count)
    let cells = rows.enumerated().flatMap { place, row in
      columns.enumerated().map { column, part -> CellMark.Cell in
        let share = row.objectCount > 0 ? Double(part.count(row)) / Double(row.objectCount) : 0
        let what =
          part.title == "correct" || part.title == "missed" ? part.title : "called another class of \(part.title)"
        return CellMark.Cell(
          x: Double(column)...Double(column + 1), y: count - Double(place + 1)...count - Double(place), share: share,
          text: row.objectCount > 0 ? NumberText.fixed(100 * share, digits: share > 0 && share < 0.0995 ? 1 : 0) : "–",
          note: "\(row.split), \(what): \(NumberText.grouped(part.count(row))) of "
            + "\(NumberText.grouped(row.objectCount)) objects")
      }
    }
    return Chart(
      "What objects are called", subtitle: name,
      caption:
        "Per cent of the objects of each group, by the best detection on them (IoU ≥ .5): "
        + "called what they are, called another class of some group, or missed.",
      x: Axis(
        "correct, or called another class of", domain: 0...Double(columns.count),
        ticks: columns.enumerated().map { AxisTick(Double($0) + 0.5, $1.title) }, hasGrid: false),
      panels: [
        ChartPanel(
          y: Axis(
            "objects of", domain: 0...max(1, count),
            ticks: rows.enumerated().map { AxisTick(count - Double($0) - 0.5, "\($1.split)") }, hasGrid: false),
          height: 34 * max(1, count), marks: [.cells(CellMark(cells, style: SeriesStyle(.blue)))])
      ])
  }

  /// One line a group: `classes,objects,correct`, a column a group for what is called another of its classes, `missed`.
  public var csv: String {
    let header = ["classes", "objects", "correct"] + rows.map { "called_\($0.split)" } + ["missed"]
    return csvText(
      [header]
        + rows.map { row in ["\(row.split)", "\(row.objectCount)"] + columns.map { "\($0.count(row))" } })
  }
}
