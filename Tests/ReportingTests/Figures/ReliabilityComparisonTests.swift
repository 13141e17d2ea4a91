import Charts
import LVISDatasets
import LVISEvaluation
import Reporting
import TestSupport
import Testing

@Suite struct ReliabilityComparisonTests {
  private func rows() throws -> [DetectionCalibration.Row] {
    let dataset = LVISDataset(
      images: [LVISImage(id: 1, width: 100, height: 100)],
      categories: [
        LVISCategory(id: 1, name: "a", frequency: .rare), LVISCategory(id: 2, name: "b", frequency: .frequent),
      ],
      annotations: (0..<2).map {
        LVISAnnotation(
          id: $0 + 1, imageID: 1, categoryID: $0 + 1, box: BoundingBox(x: 20 * Double($0), y: 0, width: 10, height: 10))
      })
    let evaluator = try LVISEvaluator(groundTruth: dataset)
    let detections = [(1, 0.0, 0.95), (1, 50, 0.35), (2, 20, 0.85), (2, 60, 0.15)].map {
      Detection(
        imageID: 1, categoryID: $0.0, box: BoundingBox(x: $0.1, y: 0, width: 10, height: 10), score: $0.2)
    }
    return try evaluator.calibration(of: try evaluator.prepare(DetectionColumns(detections))).rows
  }

  @Test func oneResultHasALineAFrequencyBesideTheDiagonal() throws {
    let comparison = ReliabilityComparison([.init(name: "x", method: "bags", rows: try rows())])
    #expect(comparison.classSets == [.all, .frequency(.rare), .frequency(.frequent)])
    let panel = try #require(comparison.chart.panels.first)
    #expect(comparison.chart.panels.count == 1 && panel.marks.count == 4)
    guard case .line(let rare) = panel.marks[2] else {
      Issue.record("no line")
      return
    }
    #expect(rare.name == "rare" && rare.points.map(\.x) == [0.35, 0.95] && rare.points.map(\.y) == [0, 1])
    #expect(comparison.table.rows.count == 3 && comparison.table.rows[1][0].text == "rare")
  }

  @Test func severalResultsHaveAPanelForAllRarestAndMostFrequent() throws {
    let comparison = ReliabilityComparison([
      .init(name: "x", method: "bags", rows: try rows()), .init(name: "y,z", method: "softmax", rows: try rows()),
    ])
    #expect(
      comparison.chart.panels.map(\.y.title) == ["precision, all classes", "precision, rare", "precision, frequent"])
    #expect(comparison.chart.panels.allSatisfy { $0.marks.count == 3 } && comparison.table.rows.count == 6)
    let lines = comparison.csv.split(separator: "\n")
    #expect(lines[0] == "result,classes,lower,upper,detections,mean_score,precision")
    #expect(lines.contains("\"y,z\",r,0.9,1,1,0.95,1.0") && lines.count == 17)
  }
}
