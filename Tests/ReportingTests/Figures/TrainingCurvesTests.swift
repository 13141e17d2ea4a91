import Charts
import Foundation
import HeadTraining
import Reporting
import TestSupport
import Testing

@Suite struct TrainingCurvesTests {
  /// Two epochs of 120 steps, reported every 50 and at the end of each.
  private func metrics(groups: [String], share: Double? = 0.8) throws -> [TrainingMetrics] {
    try [(50, 0, 4.0), (100, 0, 2), (120, 0, 2), (150, 1, 1), (200, 1, 1), (240, 1, 1)].map { step, epoch, loss in
      let losses = groups.map { "\"\($0)\": \(loss / Double(groups.count))" }.joined(separator: ", ")
      let others = share.map { ", \"others_share\": \($0)" } ?? ""
      let line = """
        {"step": \(step), "epoch": \(epoch), "learning_rate": 0.01, "loss": \(loss), "losses": {\(losses)},
         "gradient_norm": 1.5, "rois_per_second": 1000\(others)}
        """
      return try JSONDecoder().decode(TrainingMetrics.self, from: Data(line.utf8))
    }
  }

  private func bags() throws -> TrainingCurves.Run {
    try .init(name: "mine", method: "bags", metrics: metrics(groups: ["G0", "G1", "G2", "G10"]))
  }

  private func lines(_ panel: ChartPanel) -> [LineMark] {
    panel.marks.compactMap { if case .line(let line) = $0 { line } else { nil } }
  }

  @Test func oneRunShowsTheLossOfEveryGroup() throws {
    let chart = try TrainingCurves([bags()]).chart
    #expect(chart.panels.count == 4)
    #expect(lines(chart.panels[0]).map(\.name) == ["sum", "G0", "G1", "G2", "G10"])
    #expect(chart.x.domain == 0...2)
    // The short reports at the ends of the epochs join their neighbours, weighted by their steps.
    let sum = lines(chart.panels[0])[0].points
    #expect(sum.map { ($0.x * 120).rounded() } == [50, 100, 150, 240])
    #expect(sum[0].y == 4 && sum[1].y == 2 && abs(sum[2].y - (2.0 * 20 + 30) / 50) < 1e-12 && sum[3].y == 1)
    let texts = chart.rendered().texts
    for text in ["sum", "G10", "epoch", "learning rate"] { #expect(texts.contains { $0.text == text }) }
    #expect(overlappingPairs(texts) { $0.overlaps($1) } == [])
  }

  @Test func severalRunsShowTheirSums() throws {
    let softmax = try TrainingCurves.Run(
      name: "base", method: "softmax", metrics: metrics(groups: ["softmax"], share: nil))
    let chart = try TrainingCurves([softmax, bags()]).chart
    #expect(lines(chart.panels[0]).map(\.name) == ["base", "mine"])
    #expect(lines(chart.panels[3]).map(\.points.count) == [0, 4], "softmax has no others")
    #expect(TrainingCurves([softmax]).chart.panels.count == 3)
  }

  @Test func csvHoldsEveryLine() throws {
    let lines = try TrainingCurves([bags()]).csv.split(separator: "\n")
    #expect(lines.count == 7)
    #expect(
      lines[0] == "run,step,epoch,learning_rate,loss,loss_G0,loss_G1,loss_G2,loss_G10,gradient_norm,others_share,"
        + "rois_per_second")
    #expect(lines[1] == "mine,50,0,0.01,4.0,1.0,1.0,1.0,1.0,1.5,0.8,1000.0")
  }

  @Test func otherSeedsAreThinLinesWithoutANameOfTheirOwn() throws {
    let second = try TrainingCurves.Run(
      name: "mine, seed 1", method: "bags", metrics: metrics(groups: ["G0", "G1", "G2", "G10"]))
    let mine = try TrainingCurves.Run(name: "mine", method: "bags", metrics: bags().metrics, otherSeeds: [second])
    let softmax = try TrainingCurves.Run(
      name: "base", method: "softmax", metrics: metrics(groups: ["softmax"], share: nil))
    let curves = TrainingCurves([softmax, mine])
    let drawn = lines(curves.chart.panels[0])
    #expect(drawn.map(\.name) == [nil, "base", "mine"] && drawn[0].width < drawn[2].width)
    #expect(drawn[0].style == drawn[2].style && drawn[0].points == drawn[2].points)
    #expect(curves.chart.caption.contains("other seeds"))
    #expect(curves.csv.split(separator: "\n").count { $0.hasPrefix("\"mine, seed 1\",") } == 6)
    #expect(try !TrainingCurves([softmax, bags()]).chart.caption.contains("other seeds"))
  }

  @Test func comparisonHasAFlatTable() throws {
    let text = try ComparisonCurves([
      .init(method: "bags", seed: 1, metrics: metrics(groups: ["G0", "G1"])),
      .init(method: "softmax", seed: 0, metrics: metrics(groups: ["softmax"], share: nil)),
    ]).csv
    let rows = text.split(separator: "\n").map(String.init)
    #expect(rows[0] == "method,seed,step,epoch,metric,value")
    #expect(
      rows[1...7] == [
        "bags,1,50,0,loss,4.0", "bags,1,50,0,loss/G0,2.0", "bags,1,50,0,loss/G1,2.0", "bags,1,50,0,learning_rate,0.01",
        "bags,1,50,0,gradient_norm,1.5", "bags,1,50,0,others_share,0.8", "bags,1,50,0,rois_per_second,1000.0",
      ])
    // Six lines of seven metrics, six of four: one loss is not repeated as its only part.
    #expect(rows.count == 1 + 6 * 7 + 6 * 4 && rows.last == "softmax,0,240,1,rois_per_second,1000.0")
  }

  @Test func aRunWithoutMetricsIsRefused() {
    #expect(throws: ReportError.self) { try TrainingCurves.Run(name: "r", method: "bags", metrics: []) }
  }
}
