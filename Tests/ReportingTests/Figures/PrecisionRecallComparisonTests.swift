import Charts
import LVISEvaluation
import Reporting
import TestSupport
import Testing

@Suite struct PrecisionRecallComparisonTests {
  private func curve(_ split: ClassSplit, _ threshold: Double?, _ first: Double) -> PrecisionRecallCurve {
    .init(subject: .split(split), threshold: threshold, classCount: 1, precisions: [first, first / 2, 0])
  }

  private func result(_ name: String, _ method: String) -> PrecisionRecallComparison.Result {
    .init(
      name: name, method: method,
      curves: Self.splits.flatMap { [curve($0, nil, 0.5), curve($0, 0.5, 1)] })
  }

  private static let splits: [ClassSplit] = [
    .all, .frequency(.rare), .frequency(.frequent), .group(0), .group(1), .group(9),
  ]

  /// The paths of lines, by their colour.
  private func lines(_ chart: Chart) throws -> [String] {
    try elements(ofSVG: chart.rendered().svg)
      .filter { $0.name == "path" && ($0.attributes["d"] ?? "").contains("L") && $0.attributes["fill"] == "none" }
      .compactMap { $0.classes.last }
  }

  @Test func oneResultHasALineAGroupAndThreshold() throws {
    let comparison = PrecisionRecallComparison([result("a", "bags")])
    #expect(comparison.classSets == [.all, .group(0), .group(1), .group(9)])
    #expect(
      comparison.chart.panels.map(\.y.title) == ["precision, mean over the IoU thresholds", "precision at IoU 0.5"])
    #expect(comparison.chart.panels.map(\.marks.count) == [4, 4])
  }

  @Test func severalResultsHaveAPanelForAllRarestAndMostFrequent() throws {
    let comparison = PrecisionRecallComparison([result("a", "softmax"), result("b", "bags")])
    #expect(comparison.chart.panels.map(\.y.title) == ["precision, all classes", "precision, G1", "precision, G10"])
    let colors = try lines(comparison.chart)
    #expect(colors.contains("stroke-neutral") && colors.contains("stroke-blue"))
  }

  @Test func curveGoesFromRecall0To1() throws {
    let chart = PrecisionRecallComparison([result("a", "bags")]).chart
    guard case .line(let line) = try #require(chart.panels[1].marks.first) else {
      Issue.record("no line")
      return
    }
    #expect(line.points == [ChartPoint(0, 1), ChartPoint(0.5, 0.5), ChartPoint(1, 0)])
    #expect(line.name == "all classes")
  }

  @Test func csvHoldsEveryPoint() {
    let csv = PrecisionRecallComparison([
      .init(name: "a,b", method: "bags", curves: [curve(.frequency(.rare), 0.75, 1)])
    ]).csv
    #expect(
      csv == """
        result,classes,iou,recall,precision
        "a,b",r,0.75,0,1.0
        "a,b",r,0.75,0.5,0.5
        "a,b",r,0.75,1,0.0

        """)
  }

  @Test func frequenciesStandInForGroups() {
    let comparison = PrecisionRecallComparison([
      .init(
        name: "a", method: "bags",
        curves: [curve(.all, nil, 1), curve(.frequency(.frequent), nil, 1), curve(.frequency(.rare), nil, 0.5)])
    ])
    #expect(comparison.classSets == [.all, .frequency(.rare), .frequency(.frequent)])
    #expect(comparison.chart.panels.count == 1)
  }
}
