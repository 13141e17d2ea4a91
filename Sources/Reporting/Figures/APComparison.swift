import Charts

/// Average precision of several results, over all classes, by LVIS frequency and by group.
public struct APComparison: Sendable {
  /// A result: its metrics and the method behind it.
  public struct Result: Sendable {
    /// The name of the result in figures and tables.
    public let name: String
    /// The method behind the result, which decides the colour.
    public let method: String
    /// Metrics by name as fractions, such as `APr`.
    public let metrics: [String: Double]

    /// Makes a result from its metrics as fractions.
    public init(name: String, method: String, metrics: [String: Double]) {
      self.name = name
      self.method = method
      self.metrics = metrics
    }
  }

  /// The results, in the order in which they are drawn.
  public let results: [Result]

  /// Compares results.
  ///
  /// - Throws: `ReportError` where a result has none of AP, APr, APc, APf, AP1 and so on.
  public init(_ results: [Result]) throws {
    self.results = results
    for result in results where metricSets.joined().allSatisfy({ result.value($0) == nil }) {
      throw ReportError(.empty, result.name, "states neither AP nor APr, APc, APf or AP1 … APn")
    }
  }

  /// The metrics that at least one result has: of all classes, by LVIS frequency, by group.
  public var metricSets: [[String]] {
    averagePrecisionNames(
      Set(results.flatMap { result in result.metrics.keys.filter { result.value($0) != nil } }))
  }

  /// One line a result: `result,method` and its metrics as fractions, empty where it has none.
  public var csv: String {
    let names = Array(metricSets.joined())
    let rows = results.map { result in
      [result.name, result.method] + names.map { name in result.value(name).map { "\($0)" } ?? "" }
    }
    return csvText([["result", "method"] + names] + rows)
  }

  /// A row a result, in per cent.
  public var table: TextTable {
    let names = Array(metricSets.joined())
    var table = TextTable([("AP, %", .left)] + names.map { ($0, .right) })
    for result in results { table.add([result.name] + names.map { NumberText.percent(result.value($0)) }) }
    return table
  }

  /// How many results bars can show side by side.
  private static let room = 6

  /// The figure: bars side by side, a colour a result; a row a result where there are many.
  public var chart: Chart {
    results.count > Self.room ? rowChart : barChart
  }

  private var rowChart: Chart {
    let sets = metricSets
    let metrics = sets[0] + (sets[2].isEmpty ? sets[1] : sets[2])
    return MethodScores(
      results.map { result in
        let values = metrics.compactMap { name in result.value(name).map { (name, [$0]) } }
        return MethodScores.Row(name: result.name, values: Dictionary(values) { $1 })
      }, metrics: metrics
    ).chart
  }

  private var barChart: Chart {
    let styles = SeriesStyle.styles(forMethods: results.map(\.method))
    let titles = [
      ["all classes", "all"], ["by LVIS frequency", "LVIS"], ["by group of training instances", "by group", "groups"],
    ]
    var places: [(name: String, x: Double)] = []
    var bands: [ChartBand] = []
    var x = 0.0
    for (set, labels) in zip(metricSets, titles) where !set.isEmpty {
      bands.append(ChartBand(x...x + Double(set.count), labels: labels, isDark: bands.count % 2 == 1))
      for name in set {
        places.append((name, x + 0.5))
        x += 1
      }
    }
    let width = 0.8 / Double(max(1, results.count))
    let marks = zip(results, styles).enumerated().map { index, pair -> Mark in
      let shown = places.compactMap { place in
        pair.0.value(place.name).map { (name: place.name, x: place.x, value: 100 * $0) }
      }
      let points = shown.map {
        ChartPoint(
          $0.x - 0.4 + width * (Double(index) + 0.5), $0.value,
          note: "\(pair.0.name): \($0.name) \(NumberText.fixed($0.value, digits: 2))")
      }
      return .bars(
        BarMark(
          points, named: pair.0.name, width: width * 0.94, style: pair.1,
          labels: shown.map { NumberText.fixed($0.value, digits: 1) }))
    }
    let values = results.flatMap { result in places.compactMap { result.value($0.name).map { $0 * 100 } } }
    return Chart(
      "Average precision", subtitle: "by the classes' frequency in training",
      caption:
        "APr, APc and APf: classes in 1–10, 11–100 and more training images, as LVIS has it. AP1 and on: the mean "
        + "over the classes of each group by training instances.",
      x: Axis("", domain: 0...max(1, x), ticks: places.map { AxisTick($0.x, $0.name) }, hasGrid: false), bands: bands,
      panels: [ChartPanel(y: .linear("AP, %", covering: values), height: 280, marks: marks)])
  }
}

/// Of some metrics, AP over all classes, by LVIS frequency, and by group, each in the order in which they are shown.
func averagePrecisionNames(_ known: Set<String>) -> [[String]] {
  let groups = known.filter { $0.hasPrefix("AP") && Int($0.dropFirst(2)) != nil && $0 != "AP50" && $0 != "AP75" }
  return [
    ["AP"].filter(known.contains), ["APr", "APc", "APf"].filter(known.contains),
    groups.sorted { ($0.count, $0) < ($1.count, $1) },
  ]
}

extension APComparison.Result {
  /// A metric; `nil` where it is missing or not defined.
  public func value(_ name: String) -> Double? { metrics[name].flatMap { $0.isFinite && $0 >= 0 ? $0 : nil } }
}
