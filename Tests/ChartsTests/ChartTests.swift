import Charts
import Foundation
import TestSupport
import Testing

@Suite struct ChartTests {
  private func chart(lines: Int, name: String = "run") -> Chart {
    let styles = SeriesStyle.styles(forParts: lines)
    let marks = styles.enumerated().flatMap { index, style -> [Mark] in
      let points = (0...20).map { ChartPoint(Double($0), 1 + Double(index % 3) * 0.01, note: "<\(name) & \($0)>") }
      return [
        .line(LineMark(points, named: "\(name) \(index)", style: style)), .points(PointMark(points, style: style)),
      ]
    }
    return Chart(
      "A <title> & \"more\"", subtitle: "What it's about", caption: "How to read it.",
      x: .linear("epoch", covering: [0, 20]),
      bands: [ChartBand(0...4, labels: ["a very long label for so narrow a band", "G1"], isDark: false)],
      panels: [ChartPanel(y: .linear("loss", covering: [1.5]), marks: marks, labelsLines: true)])
  }

  @Test func theSVGIsWellFormedAndHoldsEveryPoint() throws {
    let all = try elements(ofSVG: chart(lines: 3).rendered().svg)
    #expect(all.filter { $0.classes.contains("points") && ["circle", "path"].contains($0.name) }.count == 63)
    #expect(all.filter { $0.name == "title" }.first?.text == "<run & 0>")
    let texts = all.filter { $0.name == "text" }.map(\.text)
    for text in ["A <title> & \"more\"", "What it's about", "How to read it.", "epoch", "loss", "G1", "run 0", "run 2"]
    {
      #expect(texts.contains(text), "\(text) is missing")
    }
    #expect(!texts.contains("a very long label for so narrow a band"))
  }

  @Test(arguments: [320.0, 480, 760, 1200], [1, 3, 9, 30])
  func noTwoTextsOverlapAndNoneIsCut(width: Double, lines: Int) {
    let rendered = chart(lines: lines, name: "a run with a name").rendered(width: width)
    #expect(overlappingPairs(rendered.texts) { $0.overlaps($1) } == [])
    for text in rendered.texts {
      #expect(text.x >= 0 && text.x + text.width <= rendered.width, "\(text)")
      #expect(text.y >= 0 && text.y + text.height <= rendered.height, "\(text)")
    }
  }

  @Test func linesAreNamedAtTheirEndsOrInTheLegendButNotBoth() {
    for (width, lines) in [(760.0, 3), (340, 3), (760, 40)] {
      let texts = chart(lines: lines).rendered(width: width).texts.map(\.text)
      for line in 0..<lines { #expect(texts.filter { $0 == "run \(line)" }.count == 1) }
    }
  }

  @Test func coloursAreThereForLightAndDarkAndNoVariables() throws {
    let svg = chart(lines: 1).rendered().svg
    let style = try #require(try elements(ofSVG: svg).first { $0.name == "style" }).text
    let halves = style.components(separatedBy: "@media (prefers-color-scheme: dark)")
    #expect(halves.count == 2)
    for half in halves {
      for name in [".paper", ".ink", ".soft", ".grid", ".axis"] + SeriesColor.allCases.map({ ".fill-\($0.rawValue)" }) {
        #expect(half.contains(".chart \(name){"))
      }
    }
    #expect(!svg.contains("var("))
    #expect(!chart(lines: 1).rendered(isStandalone: false).svg.contains("<style"))
  }

  @Test func whatHasNoPlaceIsLeftOut() throws {
    let points = [ChartPoint(0, 0), ChartPoint(1, 5), ChartPoint(2, .nan), ChartPoint(3, 5), ChartPoint(4, 7)]
    let style = SeriesStyle(.blue)
    let chart = Chart(
      "", x: .linear("", covering: [0, 4]),
      panels: [
        ChartPanel(
          y: .log10("", covering: points.map(\.y)),
          marks: [.points(PointMark(points, style: style)), .line(LineMark(points, style: style))])
      ])
    let all = try elements(ofSVG: chart.rendered().svg)
    #expect(all.filter { $0.name == "circle" }.count == 3)
    let line = try #require(all.first { $0.name == "path" })
    #expect(line.attributes["d"]?.filter { $0 == "M" }.count == 2, "the line is broken at what is no number")
  }

  @Test func controlCharactersDoNotBreakTheFile() throws {
    var chart = chart(lines: 1, name: "bell \u{7} nul \u{0} <&>'\"")
    chart.title = "\u{1B}[31mred\u{FFFF}"
    _ = try elements(ofSVG: chart.rendered().svg)
  }

  /// Of a hundred thousand points one is drawn where many lie over each other; a line keeps its lows and highs.
  @Test func pointsThatCannotBeToldApartAreLeftOut() throws {
    let points = (0..<100_000).map { ChartPoint(Double($0), $0 == 77_777 ? 9 : Double($0 % 7)) }
    let chart = Chart(
      "many", x: .linear("rank", covering: [0, 100_000]),
      panels: [
        ChartPanel(
          y: Axis("", domain: 0...10),
          marks: [
            .points(PointMark(points, style: SeriesStyle(.blue), radius: 2)),
            .line(LineMark(points, style: SeriesStyle(.green))),
          ])
      ])
    let svg = chart.rendered().svg
    let all = try elements(ofSVG: svg)
    let circles = all.filter { $0.name == "circle" }
    // Seven rows of about 360 cells, and the one above them all.
    #expect((2000...3000).contains(circles.count), "\(circles.count)")
    let heights = circles.compactMap { $0.attributes["cy"].flatMap(Double.init) }
    let top = try #require(heights.min())
    #expect(heights.count { $0 == top } == 1)
    let path = try #require(all.first { $0.classes.contains("stroke-green") }?.attributes["d"])
    #expect(path.contains(" \(NumberText.short(top, digits: 5))") && path.utf8.count < 60_000)
    // Fewer are drawn all.
    let few = Chart(
      "few", x: .linear("rank", covering: [0, 10]),
      panels: [
        ChartPanel(
          y: Axis("", domain: 0...10),
          marks: [.points(PointMark(Array(repeating: ChartPoint(1, 1), count: 50), style: SeriesStyle(.blue)))])
      ])
    #expect(try elements(ofSVG: few.rendered().svg).count { $0.name == "circle" } == 50)
  }
}
