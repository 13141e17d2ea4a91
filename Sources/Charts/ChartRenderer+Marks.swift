extension ChartRenderer {
  /// Draws one mark of a panel.
  mutating func draw(
    _ mark: Mark, of panel: ChartPanel, in plot: ChartLayout.Plot, into writer: inout MarkupWriter
  ) {
    let (layout, xAxis) = (layout, chart.x)
    func placed(_ point: ChartPoint) -> (x: Double, y: Double)? {
      guard let x = layout.x(point.x, on: xAxis), let y = layout.y(point.y, on: panel.y, in: plot) else { return nil }
      return (x, y)
    }
    switch mark {
    case .points(let mark): drawPoints(mark, placed: placed, into: &writer)
    case .line(let mark):
      drawPath(pathData(thinned(mark.points, placed: placed)), style: mark.style, width: mark.width, into: &writer)
    case .area(let mark): drawArea(mark, bottom: plot.bottom, placed: placed, into: &writer)
    case .rule(let mark): drawRule(mark, of: panel, in: plot, into: &writer)
    case .bars(let mark): drawBars(mark, bottom: plot.bottom, placed: placed, into: &writer)
    case .cells(let mark): drawCells(mark, of: panel, in: plot, into: &writer)
    }
  }

  /// Draws what stands before a name in the legend, around the height `y`.
  func drawSwatch(_ key: LegendKey, x: Double, y: Double, into writer: inout MarkupWriter) {
    let line = "M\(place(x, y))L\(place(x + 20, y))"
    switch key.swatch {
    case .point(let shape, let isFilled):
      writer.group("g", pointAttributes(key.style, opacity: 1, isFilled: isFilled)) { writer in
        drawShape(shape, x: x + 10, y: y, radius: 4, note: nil, into: &writer)
      }
    case .line: drawPath(line, style: key.style, width: 2.5, into: &writer)
    case .pointAndLine:
      drawPath(line, style: key.style, width: 2.5, into: &writer)
      // A point in its middle would hide the dashes, by which such lines are told apart.
      guard key.style.dash == .solid else { return }
      writer.group("g", pointAttributes(key.style, opacity: 1, isFilled: true)) { writer in
        drawShape(key.style.shape, x: x + 10, y: y, radius: 3.5, note: nil, into: &writer)
      }
    case .bar:
      writer.element(
        "rect",
        [
          "class": "fill-\(key.style.color.rawValue)", "x": NumberText.coordinate(x + 4),
          "y": NumberText.coordinate(y - 6), "width": "12", "height": "12", "rx": "1.5",
          "fill-opacity": NumberText.coordinate(barOpacity(key.style)),
        ])
    }
  }

  private func drawPoints(
    _ mark: PointMark, placed: (ChartPoint) -> (x: Double, y: Double)?, into writer: inout MarkupWriter
  ) {
    writer.group("g", pointAttributes(mark.style, opacity: mark.opacity, isFilled: mark.isFilled)) { writer in
      for (point, place) in visible(mark, placed: placed) {
        drawShape(mark.style.shape, x: place.x, y: place.y, radius: mark.radius, note: point.note, into: &writer)
      }
    }
  }

  private func pointAttributes(
    _ style: SeriesStyle, opacity: Double, isFilled: Bool
  ) -> KeyValuePairs<String, String> {
    let color = style.color.rawValue
    return isFilled
      ? ["class": "points fill-\(color)", "fill-opacity": NumberText.coordinate(opacity)]
      : ["class": "points paper stroke-\(color)", "stroke-width": "1.75"]
  }

  /// Shapes of about the same area.
  private func drawShape(
    _ shape: MarkerShape, x: Double, y: Double, radius r: Double, note: String?, into writer: inout MarkupWriter
  ) {
    switch shape {
    case .circle:
      writer.element(
        "circle",
        ["cx": NumberText.coordinate(x), "cy": NumberText.coordinate(y), "r": NumberText.coordinate(r)], note: note)
    case .diamond:
      let d = 1.3 * r
      writer.element(
        "path", ["d": "M\(place(x - d, y))L\(place(x, y - d))L\(place(x + d, y))L\(place(x, y + d))Z"], note: note)
    case .square:
      let d = 0.9 * r
      writer.element(
        "path",
        [
          "d": "M\(place(x - d, y - d))H\(NumberText.coordinate(x + d))V\(NumberText.coordinate(y + d))"
            + "H\(NumberText.coordinate(x - d))Z"
        ], note: note)
    case .invertedTriangle:
      let d = 1.15 * r
      writer.element(
        "path", ["d": "M\(place(x, y + d))L\(place(x + d, y - d * 0.8))L\(place(x - d, y - d * 0.8))Z"], note: note)
    case .cross:
      let (d, t) = (1.15 * r, 0.38 * r)
      let corners = [
        (-t, -d), (t, -d), (t, -t), (d, -t), (d, t), (t, t), (t, d), (-t, d), (-t, t), (-d, t), (-d, -t), (-t, -t),
      ]
      writer.element(
        "path", ["d": "M" + corners.map { place(x + $0.0, y + $0.1) }.joined(separator: "L") + "Z"], note: note)
    case .triangle:
      let d = 1.15 * r
      writer.element(
        "path", ["d": "M\(place(x, y - d))L\(place(x + d, y + d * 0.8))L\(place(x - d, y + d * 0.8))Z"], note: note)
    }
  }

  /// The places as a path; broken where there is none.
  private func pathData(_ places: [(x: Double, y: Double)?]) -> String {
    var data = ""
    var isBroken = true
    for place in places {
      guard let at = place else {
        isBroken = true
        continue
      }
      data += (isBroken ? "M" : "L") + self.place(at.x, at.y)
      isBroken = false
    }
    return data
  }

  private func drawPath(_ data: String, style: SeriesStyle, width: Double, into writer: inout MarkupWriter) {
    guard !data.isEmpty else { return }
    writer.element(
      "path",
      [
        "class": "stroke-\(style.color.rawValue)", "fill": "none", "stroke-width": NumberText.coordinate(width),
        "stroke-linejoin": "round", "stroke-dasharray": style.dash.pattern ?? "none", "d": data,
      ])
  }

  private func drawArea(
    _ mark: AreaMark, bottom: Double, placed: (ChartPoint) -> (x: Double, y: Double)?, into writer: inout MarkupWriter
  ) {
    let places = thinned(mark.points, placed: placed).compactMap(\.self)
    guard let first = places.first, let last = places.last else { return }
    let edge = places.map { place($0.x, $0.y) }.joined(separator: "L")
    writer.element(
      "path",
      [
        "class": "fill-\(mark.style.color.rawValue)", "fill-opacity": "0.25",
        "d": "M\(place(first.x, bottom))L\(edge)L\(place(last.x, bottom))Z",
      ])
    drawPath("M" + edge, style: mark.style, width: 1.25, into: &writer)
  }

  private func drawRule(
    _ mark: RuleMark, of panel: ChartPanel, in plot: ChartLayout.Plot, into writer: inout MarkupWriter
  ) {
    switch mark.direction {
    case .horizontal:
      guard let y = layout.y(mark.value, on: panel.y, in: plot) else { return }
      drawPath(
        "M\(place(layout.left, y))L\(place(layout.right, y))", style: mark.style, width: 1.25, into: &writer)
    case .vertical:
      guard let x = layout.x(mark.value, on: chart.x) else { return }
      drawPath("M\(place(x, plot.top))L\(place(x, plot.bottom))", style: mark.style, width: 1.25, into: &writer)
    }
  }

  private mutating func drawBars(
    _ mark: BarMark, bottom: Double, placed: (ChartPoint) -> (x: Double, y: Double)?, into writer: inout MarkupWriter
  ) {
    let width = mark.width / chart.x.span * (layout.right - layout.left)
    // A label wider than its bar would run into the next bar's: smaller type for all of them, or none.
    let size = [Size.small, 9.5, 8.5].first { size in
      mark.labels.allSatisfy { TextMetrics.width($0, size: size) <= width + 1 }
    }
    for (index, point) in mark.points.enumerated() {
      guard let at = placed(point) else { continue }
      writer.element(
        "rect",
        [
          "class": "fill-\(mark.style.color.rawValue)", "x": NumberText.coordinate(at.x - width / 2),
          "y": NumberText.coordinate(at.y), "width": NumberText.coordinate(width),
          "height": NumberText.coordinate(bottom - at.y), "fill-opacity": NumberText.coordinate(barOpacity(mark.style)),
        ], note: point.note)
      if let size, index < mark.labels.count {
        drawText(mark.labels[index], x: at.x, y: at.y - 4, size: size, anchor: "middle", into: &writer)
      }
    }
  }

  /// Bars have no dashes: of those of one colour, every further one is paler.
  private func barOpacity(_ style: SeriesStyle) -> Double { [1, 0.6, 0.4, 0.25][min(style.turn, 3)] }

  private mutating func drawCells(
    _ mark: CellMark, of panel: ChartPanel, in plot: ChartLayout.Plot, into writer: inout MarkupWriter
  ) {
    for cell in mark.cells {
      guard let left = layout.x(cell.x.lowerBound, on: chart.x), let right = layout.x(cell.x.upperBound, on: chart.x),
        let bottom = layout.y(cell.y.lowerBound, on: panel.y, in: plot),
        let top = layout.y(cell.y.upperBound, on: panel.y, in: plot)
      else { continue }
      // Pale enough for the text in it to be read on light and dark pages.
      let opacity = 0.04 + 0.5 * min(max(cell.share, 0), 1)
      writer.element(
        "rect",
        [
          "class": "fill-\(mark.style.color.rawValue)", "x": NumberText.coordinate(left + 1),
          "y": NumberText.coordinate(top + 1), "width": NumberText.coordinate(right - left - 2),
          "height": NumberText.coordinate(bottom - top - 2), "fill-opacity": NumberText.coordinate(opacity),
        ], note: cell.note)
      let text = TextMetrics.fitting(cell.text, width: right - left - 4, size: Size.small)
      drawText(
        text, x: (left + right) / 2, y: (top + bottom) / 2 + 4, size: Size.small, class: "ink", anchor: "middle",
        into: &writer)
    }
  }
}
