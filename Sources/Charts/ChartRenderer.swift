/// A figure as SVG text, with its size.
public struct RenderedChart: Sendable {
  /// The SVG element, with its style sheet where it is to stand alone.
  public let svg: String
  /// The width of the figure in pixels.
  public let width: Double
  /// The height of the figure in pixels.
  public let height: Double
  /// Every text in the figure and the room that it takes.
  package let texts: [TextBox]
}

extension Chart {
  /// Draws the chart.
  ///
  /// - Parameters:
  ///   - width: The width in pixels, 320 or more; the height follows from what is in it.
  ///   - isStandalone: Whether it is a file of its own, with a style sheet, or part of a page that has one.
  public func rendered(width: Double = 760, isStandalone: Bool = true) -> RenderedChart {
    let layout = ChartLayout(self, width: max(320, width))
    var renderer = ChartRenderer(chart: self, layout: layout)
    let size = (NumberText.coordinate(layout.width), NumberText.coordinate(layout.height))
    var writer = MarkupWriter()
    let root: KeyValuePairs = [
      "xmlns": "http://www.w3.org/2000/svg", "class": "chart", "width": size.0, "height": size.1,
      "viewBox": "0 0 \(size.0) \(size.1)", "role": "img",
      "aria-label": subtitle.isEmpty ? title : "\(title). \(subtitle)",
      "font-family": "Helvetica Neue, Helvetica, Arial, Liberation Sans, DejaVu Sans, sans-serif",
    ]
    writer.group("svg", root) { writer in
      if isStandalone { writer.raw("<style>\n\(ChartStyleSheet.text)</style>") }
      writer.element("rect", ["class": "paper", "width": size.0, "height": size.1])
      renderer.draw(into: &writer)
    }
    return RenderedChart(svg: writer.text, width: layout.width, height: layout.height, texts: renderer.texts)
  }
}

/// Draws a chart by its layout: what stands around the plots here, the marks in `ChartRenderer+Marks.swift`.
struct ChartRenderer {
  typealias Size = ChartLayout.Size

  let chart: Chart
  let layout: ChartLayout
  private(set) var texts: [TextBox] = []

  init(chart: Chart, layout: ChartLayout) {
    self.chart = chart
    self.layout = layout
  }

  mutating func draw(into writer: inout MarkupWriter) {
    drawTitles(into: &writer)
    drawLegend(into: &writer)
    drawBands(into: &writer)
    for (panel, plot) in zip(chart.panels, layout.plots) {
      drawYAxis(of: panel, in: plot, into: &writer)
      if chart.x.hasGrid { drawXGrid(in: plot, into: &writer) }
      for mark in panel.marks { draw(mark, of: panel, in: plot, into: &writer) }
      drawLine(layout.left, plot.bottom, layout.right, plot.bottom, class: "axis", into: &writer)
      drawEndLabels(of: panel, in: plot, into: &writer)
    }
    drawXAxis(into: &writer)
    for (index, line) in layout.captionLines.enumerated() {
      drawText(line, x: Size.margin, y: layout.captionTop + Double(index) * 15 + 10, size: Size.small, into: &writer)
    }
  }

  private mutating func drawTitles(into writer: inout MarkupWriter) {
    var y = Size.margin + 14
    for line in layout.titleLines {
      drawText(line, x: Size.margin, y: y, size: Size.title, class: "ink", isBold: true, into: &writer)
      y += 21
    }
    for line in layout.subtitleLines {
      drawText(line, x: Size.margin, y: y - 1, size: Size.subtitle, into: &writer)
      y += 17
    }
  }

  private mutating func drawLegend(into writer: inout MarkupWriter) {
    for item in layout.legend {
      let y = layout.legendTop + Double(item.row) * Size.legendRow + 8
      drawSwatch(item.key, x: item.x, y: y, into: &writer)
      drawText(item.text, x: item.x + 28, y: y + 4, size: Size.text, class: "ink", into: &writer)
    }
  }

  private mutating func drawBands(into writer: inout MarkupWriter) {
    guard let bottom = layout.plots.last?.bottom else { return }
    for (band, label) in zip(chart.bands, layout.bandLabels) {
      let range = band.range.clamped(to: chart.x.domain)
      guard range.lowerBound < range.upperBound, let start = layout.x(range.lowerBound, on: chart.x),
        let end = layout.x(range.upperBound, on: chart.x)
      else { continue }
      writer.element(
        "rect",
        [
          "class": band.isDark ? "band-dark" : "band-light", "x": NumberText.coordinate(start),
          "y": NumberText.coordinate(layout.bandTop), "width": NumberText.coordinate(end - start),
          "height": NumberText.coordinate(bottom - layout.bandTop),
        ])
      drawText(label, x: (start + end) / 2, y: layout.bandTop + 15, size: Size.small, anchor: "middle", into: &writer)
    }
  }

  private mutating func drawYAxis(of panel: ChartPanel, in plot: ChartLayout.Plot, into writer: inout MarkupWriter) {
    if !panel.y.title.isEmpty {
      // Below a title, the top tick's label needs room; a band's header has enough.
      let isBelowHeader = plot.top == layout.plots.first?.top && !chart.bands.isEmpty
      let top = plot.top - (isBelowHeader ? Size.bandHeader - 4 : 0)
      let title = TextMetrics.fitting(panel.y.title, width: layout.width - 2 * Size.margin, size: Size.text)
      drawText(title, x: Size.margin, y: top - 12, size: Size.text, class: "ink", into: &writer)
    }
    var lowest = Double.infinity
    for tick in plot.ticks {
      guard let y = layout.y(tick.value, on: panel.y, in: plot) else { continue }
      if panel.y.hasGrid { drawLine(layout.left, y, layout.right, y, class: "grid", into: &writer) }
      guard abs(lowest - y) >= 12 else { continue }
      lowest = y
      drawText(tick.label, x: layout.left - 7, y: y + 4, size: Size.small, anchor: "end", into: &writer)
    }
  }

  private func drawXGrid(in plot: ChartLayout.Plot, into writer: inout MarkupWriter) {
    for tick in layout.xTicks {
      guard let x = layout.x(tick.value, on: chart.x) else { continue }
      drawLine(x, plot.top, x, plot.bottom, class: "grid", into: &writer)
    }
  }

  private mutating func drawXAxis(into writer: inout MarkupWriter) {
    guard let bottom = layout.plots.last?.bottom else { return }
    var taken = -Double.infinity
    for tick in layout.xTicks {
      guard let x = layout.x(tick.value, on: chart.x) else { continue }
      drawLine(x, bottom, x, bottom + 4, class: "axis", into: &writer)
      let half = TextMetrics.width(tick.label, size: Size.small) / 2
      let middle = min(max(x, half + 4), layout.width - half - 4)
      guard middle - half > taken else { continue }
      taken = middle + half + 8
      drawText(tick.label, x: middle, y: bottom + 17, size: Size.small, anchor: "middle", into: &writer)
    }
    if !chart.x.title.isEmpty {
      let title = TextMetrics.fitting(chart.x.title, width: layout.width - 2 * Size.margin, size: Size.text)
      let half = TextMetrics.width(title, size: Size.text) / 2
      let middle = max(half + Size.margin, min(layout.width - Size.margin - half, (layout.left + layout.right) / 2))
      drawText(title, x: middle, y: bottom + 37, size: Size.text, class: "ink", anchor: "middle", into: &writer)
    }
  }

  private mutating func drawEndLabels(of panel: ChartPanel, in plot: ChartLayout.Plot, into writer: inout MarkupWriter)
  {
    for label in plot.endLabels {
      guard case .line(let line) = panel.marks[label.mark], let name = line.name,
        let last = line.points.last(where: { panel.y.fraction($0.y) != nil && chart.x.fraction($0.x) != nil }),
        let x = layout.x(last.x, on: chart.x), let y = layout.y(last.y, on: panel.y, in: plot)
      else { continue }
      if abs(label.y - y) > 2 || layout.right - x > 2 {
        let leader = "M\(place(x, y))L\(place(layout.right + 9, label.y))"
        writer.element("path", ["d": leader, "fill": "none", "class": "stroke-\(line.style.color.rawValue)"])
      }
      let start = layout.right + 12
      if plot.hasLabelSwatches {
        drawSwatch(LegendKey(name, .line, style: line.style), x: start, y: label.y, into: &writer)
      }
      drawText(
        name, x: start + plot.labelIndent, y: label.y + 4, size: Size.text, class: "fill-\(line.style.color.rawValue)",
        isBold: true, into: &writer)
    }
  }

  /// Writes a text and records the room it takes.
  mutating func drawText(
    _ text: String, x: Double, y: Double, size: Double, class name: String = "soft", anchor: String = "start",
    isBold: Bool = false, into writer: inout MarkupWriter
  ) {
    guard !text.isEmpty else { return }
    let width = TextMetrics.width(text, size: size, isBold: isBold)
    let start = anchor == "middle" ? x - width / 2 : anchor == "end" ? x - width : x
    texts.append(TextBox(text: text, x: start, y: y - 0.8 * size, width: width, height: size))
    writer.element(
      "text",
      [
        "class": name, "x": NumberText.coordinate(x), "y": NumberText.coordinate(y),
        "font-size": NumberText.coordinate(size), "text-anchor": anchor, "font-weight": isBold ? "600" : "400",
      ], content: text)
  }

  func drawLine(
    _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, class name: String, into writer: inout MarkupWriter
  ) {
    writer.element(
      "line",
      [
        "class": name, "x1": NumberText.coordinate(x1), "y1": NumberText.coordinate(y1),
        "x2": NumberText.coordinate(x2), "y2": NumberText.coordinate(y2),
      ])
  }

  /// A pair of coordinates in a path.
  func place(_ x: Double, _ y: Double) -> String { "\(NumberText.coordinate(x)) \(NumberText.coordinate(y))" }
}
