import Reporting
import TestSupport
import Testing

@Suite struct GroupConfusionTests {
  private let confusion = GroupConfusion(
    name: "mine",
    rows: [
      .init(.group(0), objectCount: 8, correctCount: 2, wrongCounts: [.group(0): 1, .group(1): 4], missedCount: 1),
      .init(.group(1)),
    ])

  @Test func cellsHoldShares() throws {
    let all = try elements(ofSVG: confusion.chart.rendered().svg)
    let cells = all.filter { $0.name == "rect" && $0.classes.contains("fill-blue") }
    #expect(cells.count == 8)
    // As dark as the share: 25, 12.5, 50 and 12.5 per cent, then nothing.
    #expect(
      cells.compactMap { $0.attributes["fill-opacity"] } == [
        "0.17", "0.1", "0.29", "0.1", "0.04", "0.04", "0.04", "0.04",
      ])
    let texts = all.filter { $0.name == "text" }.map(\.text)
    for text in ["25", "50", "correct", "missed", "–"] { #expect(texts.contains(text), "\(text)") }
    #expect(all.filter { $0.name == "title" }.map(\.text).contains("G1, called another class of G2: 4 of 8 objects"))
  }

  @Test(arguments: [320.0, 760])
  func textsNeverOverlap(width: Double) {
    let texts = confusion.chart.rendered(width: width).texts
    #expect(overlappingPairs(texts) { $0.overlaps($1) } == [])
  }

  @Test func csvHoldsCounts() {
    #expect(
      confusion.csv == """
        classes,objects,correct,called_G1,called_G2,missed
        G1,8,2,1,4,1
        G2,0,0,0,0,0

        """)
  }
}
