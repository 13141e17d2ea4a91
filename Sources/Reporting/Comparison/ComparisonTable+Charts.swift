import Charts
import MethodComparison

extension ComparisonTable {
  /// The figure: a line a method, the best AP on top; on it a point for AP and for each group's AP.
  public var chart: Chart {
    let ap = columns.firstIndex { $0.name == "AP" } ?? 0
    let order = rows.indices.filter { rows[$0].values[ap] != nil }.sorted {
      (rows[$0].values[ap]?.mean ?? 0, $1) < (rows[$1].values[ap]?.mean ?? 0, $0)
    }
    let shown = columns.indices.filter { columns[$0].name == "AP" || Int(columns[$0].name.dropFirst(2)) != nil }
    let styles = SeriesStyle.styles(forParts: shown.count)
    let marks = zip(shown, styles).map { column, style -> Mark in
      var style = style
      if columns[column].name == "AP" { style.shape = .diamond }
      let points = order.enumerated().compactMap { place, row in
        rows[row].values[column].map { value in
          ChartPoint(
            100 * value.mean, Double(place),
            note: "\(rows[row].name): \(columns[column].name) \(NumberText.fixed(100 * value.mean, digits: 2))"
              + (value.spread.map { " ± \(NumberText.fixed(100 * $0, digits: 2))" } ?? ""))
        }
      }
      return .points(PointMark(points, named: columns[column].name, style: style, radius: 5, opacity: 0.9))
    }
    let values = rows.flatMap { row in shown.compactMap { row.values[$0].map { 100 * $0.mean } } }
    var across = Axis.linear("AP, %", covering: values)
    across.hasGrid = true
    return Chart(
      "Average precision by method and group",
      subtitle: result.seeds.count > 1 ? "means over \(result.seeds.count) seeds" : "",
      caption: "AP1 and on: the mean over the classes of each group by training instances, the rarest first.",
      x: across,
      panels: [
        ChartPanel(
          y: Axis(
            "", domain: -0.7...Double(max(1, order.count)) - 0.3,
            ticks: order.enumerated().map { AxisTick(Double($0), rows[$1].name) }),
          height: Double(24 * max(3, order.count)), marks: marks)
      ])
  }
}
