import Charts
import Reporting
import TestSupport
import Testing

@Suite struct APComparisonTests {
  private let results = [
    APComparison.Result(
      name: "base", method: "softmax",
      metrics: ["AP": 0.5392, "AP50": 0.66, "APr": 0.0066, "APc": 0.6378, "APf": 0.7977, "AP1": 0, "AP2": 0.6151]),
    APComparison.Result(
      name: "mine", method: "bags",
      metrics: ["AP": 0.7082, "AP75": 0.7, "APr": -1, "APc": 0.7114, "APf": .nan, "AP1": 0.5827, "AP10": 0.8]),
  ]

  @Test func metricsComeInTheirSets() throws {
    #expect(
      try APComparison(results).metricSets == [["AP"], ["APr", "APc", "APf"], ["AP1", "AP2", "AP10"]])
  }

  @Test func barsStandForWhatIsDefined() throws {
    let chart = try APComparison(results).chart
    let all = try elements(ofSVG: chart.rendered().svg)
    let bars = all.filter { $0.name == "rect" && $0.attributes["height"] != "12" }
    // The page and three bands are rectangles too.
    #expect(bars.filter { $0.classes.contains("fill-neutral") }.count == 6)
    #expect(bars.filter { $0.classes.contains("fill-blue") }.count == 4)
    let texts = all.filter { $0.name == "text" }.map(\.text)
    for text in ["53.9", "70.8", "APr", "AP10", "base", "mine", "by LVIS frequency"] { #expect(texts.contains(text)) }
  }

  @Test(arguments: [320.0, 760])
  func textsNeverOverlap(width: Double) throws {
    let many = (0..<6).map { APComparison.Result(name: "result \($0)", method: "m\($0)", metrics: results[0].metrics) }
    for comparison in [try APComparison(results), try APComparison(many)] {
      let texts = comparison.chart.rendered(width: width).texts
      #expect(overlappingPairs(texts) { $0.overlaps($1) } == [])
    }
  }

  @Test func csvLeavesOutWhatIsNotDefined() throws {
    #expect(
      try APComparison(results).csv == """
        result,method,AP,APr,APc,APf,AP1,AP2,AP10
        base,softmax,0.5392,0.0066,0.6378,0.7977,0.0,0.6151,
        mine,bags,0.7082,,0.7114,,0.5827,,0.8

        """)
  }

  @Test func aResultWithoutAPIsRefused() {
    #expect(throws: ReportError.self) {
      try APComparison([APComparison.Result(name: "x", method: "x", metrics: ["AP50": 0.5, "AP": -1])])
    }
  }
}
