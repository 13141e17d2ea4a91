import LVISDatasets
import Reporting
import TestSupport
import Testing

@Suite struct ScoreDistributionTests {
  private func groups() throws -> CategoryGroups {
    try CategoryGroups(instances: [5, 50, 5000])
  }

  @Test func countsByGroupAndScore() throws {
    var result = ScoreDistribution.Result(name: "a", method: "bags")
    for (score, id) in [(0.5, 1), (0.0, 1), (1.0, 2), (2.0, 2), (1e-4, 3), (0.011, 3), (0.5, 99), (.nan, 1)] {
      result.add(score: score, categoryID: id)
    }
    let counts = result.counts(in: try groups())
    #expect(counts.map { $0.reduce(0, +) } == [2, 2, 0, 2])
    // A factor of ten has ten bins: .5 is in the seventh of the last.
    #expect(counts[0][36] == 1 && counts[0][0] == 1)
    #expect(counts[1][39] == 2)
    #expect(counts[3][0] == 1 && counts[3][20] == 1)
  }

  @Test func drawsAShareAGroup() throws {
    let groups = try groups()
    var result = ScoreDistribution.Result(name: "a", method: "bags")
    for (score, id) in [(0.5, 1), (0.02, 1), (0.9, 3)] { result.add(score: score, categoryID: id) }
    let one = ScoreDistribution(groups: groups, results: [result])
    // The groups without detections have no line.
    #expect(one.chart.panels.count == 1 && one.chart.panels[0].marks.count == 2)
    guard case .line(let line) = one.chart.panels[0].marks[0] else {
      Issue.record("no line")
      return
    }
    #expect(line.name == "G1, n = 2" && line.points.count == 40 && line.points.map(\.y).reduce(0, +) == 1)
    #expect(line.points.filter { $0.y > 0 }.map(\.y) == [0.5, 0.5])
    let two = ScoreDistribution(groups: groups, results: [result, result])
    #expect(two.chart.panels.map(\.marks.count) == [2, 2])
    #expect(two.chart.panels[0].y.title == "share of the detections of G1: < 10")
    #expect(two.chart.panels[1].y.title == "share of the detections of G4: ≥ 1,000")
    #expect(one.csv.split(separator: "\n").count == 1 + 4 * 40)
  }
}
