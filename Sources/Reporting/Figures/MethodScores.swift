import Charts
import MethodComparison

/// Scores of many methods, a row each: where bars side by side would be too many.
public struct MethodScores: Sendable {
  /// A method and its metrics.
  public struct Row: Sendable {
    /// The name of the method.
    public let name: String
    /// The values of each metric as fractions, one a seed.
    public let values: [String: [Double]]

    /// Makes a row of a method's metrics.
    public init(name: String, values: [String: [Double]]) {
      self.name = name
      self.values = values
    }

    /// The mean of a metric over the seeds; `nil` where there is none.
    public func mean(_ metric: String) -> Double? { Reporting.mean(values[metric] ?? []) }
  }

  /// The methods, in any order.
  public let rows: [Row]
  /// The metrics to draw, the first of which orders the rows.
  public let metrics: [String]

  /// Makes a figure of methods.
  ///
  /// - Parameters:
  ///   - rows: The methods.
  ///   - metrics: The metrics to draw, the first of which orders the rows.
  public init(_ rows: [Row], metrics: [String]) {
    self.rows = rows
    self.metrics = metrics
  }

  /// The figure: rows ordered by the first metric, the best on top; a point a metric, a small one for every seed.
  public var chart: Chart {
    let order = rows.indices.filter { row in metrics.contains { rows[row].mean($0) != nil } }.sorted { a, b in
      (metrics.first.flatMap { rows[a].mean($0) } ?? -1, b) < (metrics.first.flatMap { rows[b].mean($0) } ?? -1, a)
    }
    let styles = SeriesStyle.styles(forParts: metrics.count)
    var marks: [Mark] = []
    for (index, (metric, style)) in zip(metrics, styles).enumerated() {
      var style = style
      if index == 0 { style.shape = .diamond }
      var means: [ChartPoint] = []
      var seeds: [ChartPoint] = []
      for (place, row) in order.enumerated() {
        guard let mean = rows[row].mean(metric) else { continue }
        let values = rows[row].values[metric] ?? []
        let spread = MeanAndSpread(values)?.spread.map { " ± \(NumberText.percent($0))" } ?? ""
        let note = "\(rows[row].name): \(metric) \(NumberText.percent(mean))\(spread)"
        means.append(ChartPoint(100 * mean, Double(place), note: note))
        if values.count > 1 { seeds += values.map { ChartPoint(100 * $0, Double(place)) } }
      }
      marks.append(.points(PointMark(seeds, style: style, radius: 2, opacity: 0.45)))
      marks.append(.points(PointMark(means, named: metric, style: style, radius: 5, opacity: 0.9)))
    }
    let values = rows.flatMap { row in metrics.flatMap { row.values[$0] ?? [] } }.map { 100 * $0 }
    let seeds = rows.flatMap { $0.values.values.map(\.count) }.max() ?? 1
    return Chart(
      "Average precision by method",
      subtitle: seeds > 1 ? "means over \(seeds) seeds, and every seed's as a small point" : "",
      caption: "AP1 and on: the mean over the classes of each group by training instances, the rarest first.",
      x: .linear("AP, %", covering: values),
      panels: [
        ChartPanel(
          y: Axis(
            "", domain: -0.7...Double(max(1, order.count)) - 0.3,
            ticks: order.enumerated().map {
              AxisTick(Double($0), TextMetrics.fitting(rows[$1].name, width: 170, size: 11))
            }),
          height: Double(22 * max(3, order.count)), marks: marks)
      ])
  }

  /// One line a row and seed: `method,seed` by its place, and the metrics as fractions.
  public var csv: String {
    var lines = [["method", "value"] + metrics]
    for row in rows {
      let count = metrics.map { row.values[$0]?.count ?? 0 }.max() ?? 0
      for place in 0..<count {
        lines.append(
          [row.name, "\(place)"]
            + metrics.map { metric in
              let values = row.values[metric] ?? []
              return values.indices.contains(place) ? "\(values[place])" : ""
            })
      }
    }
    return csvText(lines)
  }
}
