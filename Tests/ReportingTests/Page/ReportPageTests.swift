import Charts
import DenseLinearAlgebra
import DetectionHeads
import Foundation
import HeadTraining
import LVISDatasets
import LVISEvaluation
import MethodComparison
import Reporting
import TestSupport
import Testing
import TrainingRuns

@Suite struct ReportPageTests {
  private func groups(ids: [Int] = [1, 2, 3, 4]) throws -> CategoryGroups {
    try CategoryGroups(
      counts: zip(ids, [3, 40, 500, 6000]).map {
        CategoryCount(id: $0, name: "<thing \($0)>", instances: $1, images: $1)
      })
  }

  private func head(_ groups: CategoryGroups, scale: Float = 1) throws -> LinearHead {
    try LinearHead(
      weight: Matrix(rows: 5, columns: 1, values: [1, 2, 3, 4, 5].map { $0 * scale }), bias: [0, 0, 0, 0, 0],
      layout: SoftmaxLayout(classCount: 4), groups: groups, method: "softmax")
  }

  private func run(_ name: String, method: String = "softmax", ids: [Int] = [1, 2, 3, 4]) throws -> ReportedRun {
    let text = """
      {"format": "bags-run", "version": 1, "program": "bags 0", "created": "2026-01-02T03:04:05Z", "method": "\(method)",
       "methodParameters": \(method == "bags" ? #"{"others-ratio": "8.0"}"# : "{}"), "roiCount": 1234, "imageCount": 56,
       "featureCount": 7, "blasKernels": "Zen", "inputs": {"annotations": {"path": "my data/a'b.json", "fingerprint": "9-f"}},
       "settings": {"epochs": 12, "imagesPerBatch": 16, "learningRate": 0.01, "milestones": [8, 11], "warmupSteps": 0,
       "gradientClip": 35, "momentum": 0.9, "weightDecay": 0.0001, "seed": 0, "threads": 2},
       "result": {"seconds": 12.5, "steps": 42, "loss": 0.25}}
      """
    let record = try JSONDecoder().decode(RunRecord.self, from: Data(text.utf8))
    let line = """
      {"step": 42, "epoch": 0, "learning_rate": 0.01, "loss": 1, "losses": {"G0": 0.5, "G1": 0.5}, "gradient_norm": 1,
       "rois_per_second": 1}
      """
    let metrics = try JSONDecoder().decode(TrainingMetrics.self, from: Data(line.utf8))
    let classAP = method == "bags" ? [(1, 0.75), (2, 0.5)] : [(1, 0.25), (2, 0.5), (4, 0.9)]
    let classes = classAP.map { #"{"id": \#($0), "AP": \#($1)}"# }
    return ReportedRun(
      name: name, record: record, head: try head(groups(ids: ids)), metrics: [metrics],
      evaluation: try JSONDecoder().decode(
        EvaluationDocument.self,
        from: Data(#"{"AP": 0.5, "AP1": 0.25, "classes": [\#(classes.joined(separator: ", "))]}"#.utf8)))
  }

  private func svgs(_ html: String) -> [String] {
    html.components(separatedBy: "<svg").dropFirst().map {
      "<svg" + $0.components(separatedBy: "</svg>")[0] + "</svg>"
    }
  }

  @Test func aComparisonHoldsEverySection() throws {
    var bags = try run("mine", method: "bags")
    bags.initialHead = try head(groups(), scale: 2)
    let html = try ReportPage([run("base"), bags]).html()
    for section in ["Summary", "Classes and groups", "Training", "Weight norms", "Average precision", "Settings"] {
      #expect(html.contains("<h2>\(section)</h2>"), "\(section) is missing")
    }
    // Frequency, training and the loss per group of both, norms, AP, AP per class: each wide and narrow.
    let figures = svgs(html)
    #expect(figures.count == 14)
    for figure in figures { _ = try elements(ofSVG: figure) }
    #expect(html.contains("<title>Comparison of base, mine</title>"))
    // One class rose, none fell.
    #expect(html.contains("Classes that gained most") && !html.contains("Classes that lost most"))
    #expect(html.contains("+50.0"))
  }

  @Test func theSettingsRepeatTheRun() throws {
    let html = try ReportPage([run("base"), run("mine", method: "bags")]).html()
    #expect(html.contains("--annotations &#39;my data/a&#39;\\&#39;&#39;b.json&#39;"))
    #expect(html.contains("bags train --method bags"))
    #expect(html.contains("--others-ratio 8"))
    let rows = html.components(separatedBy: "<tr class=").dropFirst()
    #expect(rows.first { $0.contains("<td>method</td>") }?.hasPrefix("\"differs\"") == true)
    #expect(rows.first { $0.contains("<td>epochs</td>") }?.hasPrefix("\"same\"") == true)
    #expect(rows.contains { $0.contains("<td>feature length</td>") && $0.contains("<td>7</td>") })
  }

  @Test func nothingComesFromOutsideAndNamesAreEscaped() throws {
    let html = try ReportPage([run("<script>alert(1)</script>")]).html()
    #expect(!html.contains("<script>alert") && !html.contains("<thing"))
    #expect(html.contains("&lt;thing 1&gt;"))
    let outside = html.replacing("http://www.w3.org/2000/svg", with: "")
    for word in ["http:", "https:", "src=", "@import", "url(", "<link"] { #expect(!outside.contains(word)) }
    #expect(html.components(separatedBy: "</script>").count == 2)
    #expect(html.contains("prefers-color-scheme: dark") && html.contains("@media print"))
  }

  @Test func thePageSaysHowToRepeatIt() throws {
    let html = try ReportPage([run("base"), run("mine", method: "bags")]).html()
    let section = try #require(html.components(separatedBy: "<h2>Reproducibility</h2>").last)
    #expect(section.contains("Made with bags 0, OpenBLAS kernels Zen, 2 threads; seed 0."))
    // Both read the same file: it is named once.
    #expect(section.components(separatedBy: "b.json (fingerprint 9-f)").count == 2)
    #expect(html.contains("<div class=\"scroll full\">"))
  }

  @Test func whatARunLacksIsLeftOut() throws {
    var bare = try run("bare")
    (bare.metrics, bare.evaluation) = ([], nil)
    let html = try ReportPage([bare]).html()
    #expect(!html.contains("<h2>Training</h2>") && !html.contains("<h2>Average precision</h2>"))
    #expect(html.contains("<h2>Weight norms</h2>"))
  }

  /// Heads and detections that stand in no run.
  @Test func bareFilesHaveWhatIsKnownOfThem() throws {
    let text = #"{"path": "elsewhere/x", "fingerprint": "12-ab"}"#
    let file = try JSONDecoder().decode(RunRecord.Input.self, from: Data(text.utf8))
    let bare = ReportedRun(try head(groups()), named: "detector", file: file)
    let html = try ReportPage([bare]).html()
    #expect(html.contains("<h1>Head detector</h1>") && html.contains("<h2>Weight norms</h2>"))
    #expect(html.contains("elsewhere/x") && html.contains("12-ab") && html.contains("<td>layout of the logits</td>"))
    for absent in ["<h2>Reproducibility</h2>", "bags train", "<th class=\"number\">loss</th>"] {
      #expect(!html.contains(absent), "\(absent)")
    }
    let document = try #require(try run("r").evaluation)
    let results = try ReportPage([ReportedRun(document, named: "a.json", file: file)]).html()
    #expect(results.contains("<h1>Results a.json</h1>") && results.contains("<td class=\"number\">50.00</td>"))
    // Nothing is known of their classes.
    #expect(!results.contains("<h2>Classes and groups</h2>") && !results.contains("rank correlation"))
    // Beside a head, they are of its classes; a head of others is refused.
    let both = try ReportPage([ReportedRun(document, named: "a.json", file: file), bare]).html()
    #expect(both.contains("<h2>Classes and groups</h2>") && both.contains("<td class=\"number\">50.00</td>"))
    #expect(throws: ReportError.self) { try ReportPage([bare], groups: groups(ids: [1, 2, 3, 5])) }
  }

  @Test func theSameRunGivesTheSameBytes() throws {
    #expect(try ReportPage([run("a")]).html() == ReportPage([run("a")]).html())
  }

  @Test func runsOfDifferentClassesAreRefused() throws {
    #expect(throws: ReportError.self) { try ReportPage([run("a"), run("b", ids: [1, 2, 3, 5])]) }
    #expect(throws: ReportError.self) { try ReportPage([]) }
  }
}
