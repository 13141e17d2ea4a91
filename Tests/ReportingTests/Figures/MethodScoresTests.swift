import Charts
import Reporting
import TestSupport
import Testing

@Suite struct MethodScoresTests {
  private let scores = MethodScores(
    [
      .init(name: "low", values: ["AP": [0.25, 0.5], "AP1": [0.125]]), .init(name: "none", values: [:]),
      .init(name: "high", values: ["AP": [0.75]]),
    ], metrics: ["AP", "AP1"])

  @Test func theBestStandsOnTop() {
    #expect(scores.chart.panels[0].y.ticks?.map(\.label) == ["low", "high"])
    #expect(scores.rows[0].mean("AP") == 0.375 && scores.rows[1].mean("AP") == nil)
  }

  @Test func everySeedIsASmallPoint() throws {
    let points = scores.chart.panels[0].marks.map { mark -> [ChartPoint] in
      if case .points(let points) = mark { points.points } else { [] }
    }
    #expect(points.map(\.count) == [2, 2, 0, 1])
    #expect(points[1].map(\.x) == [37.5, 75] && points[1].map(\.y) == [0, 1])
  }

  @Test func csvHoldsEverySeed() {
    #expect(scores.csv == "method,value,AP,AP1\nlow,0,0.25,0.125\nlow,1,0.5,\nhigh,0,0.75,\n")
  }

  @Test func manyResultsAreRowsRatherThanBars() throws {
    let many = (0..<7).map { APComparison.Result(name: "m\($0)", method: "m\($0)", metrics: ["AP": Double($0) / 10]) }
    #expect(try APComparison(many).chart.panels[0].y.ticks?.count == 7)
    #expect(try elements(ofSVG: APComparison(many).chart.rendered().svg).filter { $0.name == "rect" }.count == 1)
  }
}
