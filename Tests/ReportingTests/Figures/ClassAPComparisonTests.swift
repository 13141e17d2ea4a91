import LVISDatasets
import Reporting
import TestSupport
import Testing

@Suite struct ClassAPComparisonTests {
  private func comparison() throws -> ClassAPComparison {
    ClassAPComparison(
      groups: try CategoryGroups(instances: [5, 50, 500, 5]),
      results: [
        .init(name: "a", method: "softmax", values: [1: 0, 2: 0.5, 3: 0.75]),
        .init(name: "b", method: "bags", values: [1: 0.5, 2: 0.75, 3: 0.625, 4: 1]),
      ])
  }

  @Test func changesAreOrderedByTheirSize() throws {
    let comparison = try comparison()
    #expect(comparison.largestChanges(5, gained: true).map(\.classIndex) == [0, 1])
    #expect(comparison.largestChanges(1, gained: true).map(\.after) == [0.5])
    let lost = try #require(comparison.largestChanges(5, gained: false).first)
    #expect(lost.classIndex == 2 && lost.before == 0.75 && lost.after == 0.625)
  }

  @Test func figureAndDataHoldWhatIsKnown() throws {
    let comparison = try comparison()
    let all = try elements(ofSVG: comparison.chart.rendered().svg)
    #expect(all.filter { $0.name == "circle" }.count == 7)
    #expect(
      comparison.csv == """
        class_id,name,instance_count,group,a,b
        3,c3,500,G3,0.75,0.625
        2,c2,50,G2,0.5,0.75
        1,c1,5,G1,0.0,0.5
        4,c4,5,G1,,1.0

        """)
  }
}
