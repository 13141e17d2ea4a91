/// The places of everything in a chart of a given width, in pixels from the upper left corner.
struct ChartLayout {
  /// Sizes of type and the room between things.
  enum Size {
    static let margin = 16.0
    static let title = 16.0
    static let subtitle = 12.5
    static let text = 12.0
    static let small = 11.0
    static let legendRow = 20.0
    static let bandHeader = 22.0
    static let panelGap = 16.0
    static let panelTitle = 24.0
    static let endLabel = 15.0
    static let labelSwatch = 26.0
  }

  /// One plot.
  struct Plot {
    let top: Double
    let bottom: Double
    let ticks: [AxisTick]
    /// Named lines with the label at their right end: the mark's index, and the middle of the label.
    var endLabels: [(mark: Int, y: Double)] = []
    /// Whether a piece of the line stands before each label: where colour alone does not tell the lines apart.
    var hasLabelSwatches = false
    /// How far the texts of the labels are moved to the right by that.
    var labelIndent: Double { hasLabelSwatches ? Size.labelSwatch : 0 }
  }

  /// One entry of the legend.
  struct LegendItem {
    let key: LegendKey
    let text: String
    let x: Double
    let row: Int
  }

  let width: Double
  let height: Double
  let left: Double
  let right: Double
  let titleLines: [String]
  let subtitleLines: [String]
  let captionLines: [String]
  let legend: [LegendItem]
  let legendTop: Double
  let bandTop: Double
  let bandLabels: [String]
  let plots: [Plot]
  let xTicks: [AxisTick]
  let captionTop: Double

  init(_ chart: Chart, width: Double) {
    self.width = width
    let content = width - 2 * Size.margin
    titleLines = TextMetrics.lines(chart.title, width: content, size: Size.title, isBold: true)
    subtitleLines = TextMetrics.lines(chart.subtitle, width: content, size: Size.subtitle)
    captionLines = TextMetrics.lines(chart.caption, width: content, size: Size.small)

    let labelled = chart.panels.map { Self.linesLabelledAtTheirEnd(in: $0, width: width) }
    let endLabelWidth = zip(chart.panels, labelled).flatMap { panel, indices in
      indices.map {
        TextMetrics.width(panel.lineName($0) ?? "", size: Size.text, isBold: true) + 12
          + (panel.hasDashedNames ? Size.labelSwatch : 0)
      }
    }.max()
    let ticks = chart.panels.map { $0.y.shownTicks(room: max(2, Int($0.height / ($0.y.scale == .log10 ? 20 : 34)))) }
    let tickWidth = ticks.joined().map { TextMetrics.width($0.label, size: Size.small) }.max() ?? 0
    left = Size.margin + tickWidth + 7
    right = width - Size.margin - (endLabelWidth ?? 0)
    xTicks = chart.x.shownTicks(room: max(2, Int((right - left) / 90)))

    let named = Set(
      zip(chart.panels, labelled).flatMap { panel, indices in indices.compactMap { panel.lineName($0) } })
    legend = Self.flowed(Self.legendKeys(of: chart, without: named), width: content)

    var y = Size.margin + Double(titleLines.count) * 21 + Double(subtitleLines.count) * 17
    legendTop = y + 8
    y = legendTop + Double((legend.last?.row ?? -1) + 1) * Size.legendRow + 6
    let header = chart.bands.isEmpty ? 0 : Size.bandHeader
    bandTop = y + (chart.panels.first?.y.title.isEmpty == false ? Size.panelTitle : 0)
    bandLabels = Self.fittingLabels(of: chart, plotWidth: right - left)
    var plots: [Plot] = []
    for (index, panel) in chart.panels.enumerated() {
      y += (panel.y.title.isEmpty ? 0 : Size.panelTitle) + (index == 0 ? header : 0)
      var plot = Plot(top: y, bottom: y + panel.height, ticks: ticks[index])
      plot.endLabels = Self.placedEndLabels(labelled[index], panel: panel, top: plot.top, bottom: plot.bottom)
      plot.hasLabelSwatches = panel.hasDashedNames
      plots.append(plot)
      y = plot.bottom + Size.panelGap
    }
    self.plots = plots
    y += 6 + (chart.x.title.isEmpty ? 0 : 20)
    captionTop = y + 6
    height = (captionTop + Double(captionLines.count) * 15 + Size.margin - 6).rounded(.up)
  }

  /// The place of a value of x.
  func x(_ value: Double, on axis: Axis) -> Double? { axis.fraction(value).map { left + $0 * (right - left) } }

  /// The place of a value of y.
  func y(_ value: Double, on axis: Axis, in plot: Plot) -> Double? {
    axis.fraction(value).map { plot.bottom - $0 * (plot.bottom - plot.top) }
  }

  /// A label for every band: the fullest that fits, empty where none does.
  private static func fittingLabels(of chart: Chart, plotWidth: Double) -> [String] {
    chart.bands.map { band in
      let range = band.range.clamped(to: chart.x.domain)
      guard let start = chart.x.fraction(range.lowerBound), let end = chart.x.fraction(range.upperBound) else {
        return ""
      }
      return band.labels.first { TextMetrics.width($0, size: Size.small) + 6 <= (end - start) * plotWidth } ?? ""
    }
  }

  /// Which marks of a panel get a label at their right end: its named lines, where the figure is wide and the panel
  /// high enough for them; none or all.
  private static func linesLabelledAtTheirEnd(in panel: ChartPanel, width: Double) -> [Int] {
    let lines = panel.marks.indices.filter { panel.lineName($0) != nil }
    let widths = lines.map { TextMetrics.width(panel.lineName($0) ?? "", size: Size.text, isBold: true) }
    guard panel.labelsLines, width >= 480, (widths.max() ?? 0) <= 0.24 * width,
      Double(lines.count) * Size.endLabel <= panel.height
    else { return [] }
    return lines
  }

  private static func placedEndLabels(
    _ indices: [Int], panel: ChartPanel, top: Double, bottom: Double
  ) -> [(mark: Int, y: Double)] {
    let wishes = indices.map { index -> Double in
      let last = panel.linePoints(index).last { panel.y.fraction($0.y) != nil }
      return bottom - (last.flatMap { panel.y.fraction($0.y) } ?? 0.5) * (bottom - top)
    }
    let places = placedLabels(wishes: wishes, height: Size.endLabel, in: top...bottom) ?? wishes
    return zip(indices, places).map { (mark: $0, y: $1) }
  }

  /// The named marks in the order in which they are drawn, the panels' first; then the chart's own keys.
  private static func legendKeys(of chart: Chart, without labelled: Set<String>) -> [LegendKey] {
    var keys: [LegendKey] = []
    for mark in chart.panels.flatMap(\.marks) {
      guard let key = mark.legendKey, !labelled.contains(key.name) else { continue }
      if let index = keys.firstIndex(where: { $0.name == key.name }) {
        if keys[index].swatch != key.swatch { keys[index].swatch = .pointAndLine }
        // The line's style counts, which has the dashes.
        if key.swatch == .line { keys[index].style = key.style }
      } else {
        keys.append(key)
      }
    }
    return keys + chart.keys
  }

  /// Entries one after the other, in as many rows as it takes.
  private static func flowed(_ keys: [LegendKey], width: Double) -> [LegendItem] {
    var items: [LegendItem] = []
    var x = 0.0
    var row = 0
    for key in keys {
      let text = TextMetrics.fitting(key.name, width: width - 28, size: Size.text)
      let needed = 28 + TextMetrics.width(text, size: Size.text)
      if x > 0, x + needed > width {
        x = 0
        row += 1
      }
      items.append(LegendItem(key: key, text: text, x: Size.margin + x, row: row))
      x += needed + 16
    }
    return items
  }
}

extension ChartPanel {
  /// The name of the mark at an index, where it is a named line.
  func lineName(_ index: Int) -> String? {
    if case .line(let line) = marks[index] { line.name } else { nil }
  }

  /// Whether a named line is not solid.
  var hasDashedNames: Bool {
    marks.contains { mark in
      if case .line(let line) = mark { line.name != nil && line.style.dash != .solid } else { false }
    }
  }

  /// The points of the mark at an index, where it is a line.
  func linePoints(_ index: Int) -> [ChartPoint] {
    if case .line(let line) = marks[index] { line.points } else { [] }
  }
}

extension Mark {
  /// What the legend says of a mark; `nil` for one without a name.
  fileprivate var legendKey: LegendKey? {
    switch self {
    case .points(let mark):
      mark.name.map { LegendKey($0, .point(mark.style.shape, isFilled: mark.isFilled), style: mark.style) }
    case .line(let mark): mark.name.map { LegendKey($0, .line, style: mark.style) }
    case .bars(let mark): mark.name.map { LegendKey($0, .bar, style: mark.style) }
    case .area, .rule, .cells: nil
    }
  }
}
