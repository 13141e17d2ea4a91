import DenseLinearAlgebra
import DetectionHeads
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import LVISEvaluation
import MethodComparison
import Reporting
import TestSupport
import Testing
import TrainingRuns

@Suite struct ComparisonReportTests {
  private static let counts = [2000, 500, 50, 5]

  /// Two methods with two seeds each: `a`, whose norms follow the counts, and `b`, whose norms do not.
  private func withReport(_ body: (ComparisonReport) throws -> Void) throws {
    try withTemporaryFolder { folder in
      let groups = try CategoryGroups(
        counts: Self.counts.enumerated().map {
          CategoryCount(id: $0 + 1, name: "class \($0)", instances: $1, images: $1)
        })
      func outcome(_ name: String, seed: UInt64, ap: Double, norms: [Float]) throws -> ComparedResults.Outcome {
        let head = try LinearHead(
          weight: Matrix(rows: 5, columns: 1, values: [1] + norms), bias: [0, 0, 0, 0, 0],
          layout: SoftmaxLayout(classCount: 4), groups: groups, method: name)
        let run = RunFolder(at: "\(folder)/\(name)\(seed)")
        try FileManager.default.createDirectory(atPath: run.path, withIntermediateDirectories: true)
        try head.write(to: run.headPath)
        return ComparedResults.Outcome(
          seed: seed, run: run, metrics: ["AP": ap, "AP1": ap / 2, "AP4": -1], seconds: Double(seed) + 1,
          replicates: MetricReplicates(
            names: ["AP", "AP1"], seed: 0,
            values: (0..<100).map { [Float(ap) + Float($0) / 10_000, Float(ap / 2)] }))
      }
      func row(_ name: String, rate: Double, tuning: TuningRecord? = nil, _ outcomes: [ComparedResults.Outcome])
        -> ComparedResults.Row
      {
        let method = ComparedMethod(MethodChoice(name: name))
        var picked = method
        if tuning != nil { picked.method.parameters = ["beta": "0.5"] }
        return ComparedResults.Row(
          method: method, picked: picked, learningRate: rate, epochs: 12, steps: 100, tuning: tuning,
          outcomes: outcomes, failures: outcomes.isEmpty ? ["seed 0: diverged"] : [])
      }
      let tuning = TuningRecord(
        metric: "AP", heldOutImageCount: 20, heldOutObjectCounts: [1, 2, 3, 4], epochs: 6,
        trials: [
          .init(learningRate: 0.01, parameters: [:], metrics: ["AP": 0.25]),
          .init(learningRate: 0.1, parameters: ["beta": "0.5"], metrics: ["AP": 0.5]),
          .init(learningRate: 1, parameters: [:], metrics: nil),
        ])
      let result = ComparedResults(
        rows: [
          row(
            "a", rate: 0.01,
            [
              try outcome("a", seed: 0, ap: 0.5, norms: [4, 3, 2, 1]),
              try outcome("a", seed: 1, ap: 0.7, norms: [4, 3, 2, 1]),
            ]),
          row(
            "b", rate: 0.1, tuning: tuning,
            [
              try outcome("b", seed: 0, ap: 0.4, norms: [1, 4, 2, 3]),
              try outcome("b", seed: 1, ap: 0.4, norms: [1, 4, 2, 3]),
            ]),
          row("c", rate: 1e9, []),
        ], seeds: [0, 1], settings: TrainingSettings())
      try body(ComparisonReport(result, groups: groups, program: "test"))
    }
  }

  @Test func cellsAreMeansAndTheBestOfEachColumnIsMarked() throws {
    try withReport { report in
      let table = report.table.table
      #expect(
        table.titles == [
          "method", "trained with", "AP", "APr", "APc", "APf", "AP1", "AP2", "AP3", "AP4", "norm–count", "epochs",
          "seconds",
        ])
      let cells = table.texts { "*\($0)" }
      #expect(
        cells[0] == [
          "a", "lr 0.01", "*60.00 ±14.14", "–", "–", "–", "*30.00 ±7.07", "–", "–", "–", "1.00 ±0.00", "12",
          "1.5 ±0.7",
        ])
      #expect(
        cells[1] == [
          "b", "lr 0.1, beta 0.5", "40.00 ±0.00", "–", "–", "–", "20.00 ±0.00", "–", "–", "–", "−0.40 ±0.00", "12",
          "1.5 ±0.7",
        ])
      #expect(cells[2] == ["c", "lr 1e+09"] + Array(repeating: "–", count: 11))
    }
  }

  @Test func differencesHaveIntervals() throws {
    try withReport { report in
      let table = try #require(report.table.differences)
      #expect(table.titles == ["less a", "AP", "AP1"])
      #expect(
        table.texts { "*\($0)" } == [["b", "*−20.00 (−30.10 to −10.10)", "*−10.00 (−15.05 to −5.05)"]])
    }
  }

  @Test func markdownSaysWhatWasTriedAndCSVHasALineASeed() throws {
    try withReport { report in
      let lines = report.table.table.markdown.split(separator: "\n")
      #expect(lines.count == 5 && lines[2].contains("| **60.00** ±14.14 |") && lines[3].hasPrefix("| b | lr 0.1, beta"))
      #expect(
        report.table.tuning?.markdown.hasSuffix("| b | 0.01 → 25.00; **0.1 beta 0.5 → 50.00**; 1 → diverged |") == true)
      let csv = report.csv.split(separator: "\n").map { $0.split(separator: ",", omittingEmptySubsequences: false) }
      #expect(csv.count == 5 && Set(csv.map(\.count)).count == 1)
      #expect(csv[1].prefix(7) == ["a", "a", "0.01", "12", "100", "0", "0.5"])
      #expect(csv[4][1] == "b:beta=0.5" && csv[4][5] == "1")
      // What is not defined is empty.
      #expect(csv[1][13] == "")
    }
  }

  @Test func documentHoldsEveryValueBehindAMean() throws {
    try withTemporaryFolder { folder in
      try withReport { report in
        try report.document.write(inFolder: folder)
        let object = try jsonObject(String(contentsOfFile: "\(folder)/comparison.json", encoding: .utf8))
        let methods = try #require(object["methods"] as? [[String: Any]])
        #expect(object["format"] as? String == "bags-comparison" && methods.count == 3)
        let ap = try #require((methods[0]["metrics"] as? [String: [String: Any]])?["AP"])
        #expect(ap["values"] as? [Double] == [0.5, 0.7] && abs((ap["mean"] as? Double ?? 0) - 0.6) < 1e-12)
        #expect((methods[0]["metrics"] as? [String: Any])?["AP4"] == nil)
        #expect(
          methods[1]["learning_rate"] as? Double == 0.1 && methods[2]["failures"] as? [String] == ["seed 0: diverged"])
        let best = try #require(object["best"] as? [String: [String]])
        #expect(best["AP"] == ["a"] && best.count == 2)
        let difference = try #require((methods[1]["differences"] as? [String: [String: Double]])?["AP"])
        #expect(
          abs((difference["difference"] ?? 0) + 0.2) < 1e-9 && abs((difference["lower"] ?? 0) + 0.3) < 1e-3
            && abs((difference["upper"] ?? 0) + 0.1) < 1e-3)
        #expect(methods[0]["differences"] == nil && object["replicates"] as? Int == 100)
        // What is read back gives the same table.
        let read = try ComparisonDocument(inFolder: folder)
        #expect(ComparisonTable(read).table.markdown == report.table.table.markdown)
        #expect(read.firstRuns(inFolder: folder).map(\.method) == ["a", "b"])
        #expect(read.runs(inFolder: folder).map(\.runs.count) == [2, 2])
        #expect(read.reproducibility == report.document.reproducibility)
      }
    }
  }

  /// What a comparison says of itself for others to repeat it.
  @Test func documentSaysHowToRepeatIt() throws {
    try withReport { report in
      let facts = try #require(report.document.reproducibility)
      #expect(facts.seeds == [0, 1] && facts.inputs.isEmpty && facts.command == nil)
      let tuning = try #require(facts.tuning)
      #expect(tuning.criterion == "AP" && tuning.trials == 3 && tuning.epochs == 6 && tuning.methods == 1)
      #expect(tuning.heldOutImages == 20 && tuning.heldOutObjects == [1, 2, 3, 4] && tuning.keptDefaults == 0)
      #expect(facts.text.contains("seeds 0, 1") && facts.text.contains("at most 3 trials of 6 epochs"))
    }
  }

  @Test func figureHasALineAMethodTheBestOnTop() throws {
    try withReport { report in
      let chart = report.table.scores.chart
      #expect(chart.panels.first?.y.ticks?.map(\.label) == ["b", "a"])
      let svg = chart.rendered().svg
      for text in ["AP1", "a: AP 60.00 ± 14.14", "means over 2 seeds"] { #expect(svg.contains(text)) }
      #expect(report.norms?.heads.map(\.name) == ["a", "b"] && report.shownNorms?.heads.count == 2)
    }
  }
}
