import Foundation
import TestSupport
import Testing

@Suite struct EvaluateCommandTests {
  private let annotations = goldenPath("evaluation/edge_gt.json")
  private func results(_ name: String) -> String { goldenPath("evaluation/edge_dt_\(name).json") }

  private func evaluate(_ arguments: [String], results: String = "bbox") throws -> CommandOutput {
    try runBags(["evaluate", "--annotations", annotations, "--results", self.results(results)] + arguments)
  }

  private func json(_ output: CommandOutput) throws -> [String: Any] {
    #expect(output.status == 0, "\(output.error)")
    return try jsonObject(output.output)
  }

  private func expected(_ name: String) throws -> [String: Double] {
    let root = try jsonObject(at: goldenPath("evaluation/expected_edge_\(name).json"))
    return try #require(root["metrics"] as? [String: Double])
  }

  @Test(arguments: [
    ("bbox", "bboxfile_bbox", []), ("segm", "segmfile_segm", ["--iou-type", "segm"]),
    ("bbox", "fixedap8_bbox", ["--fixed-ap", "8"]),
    ("segm", "boundary_official_default", ["--iou-type", "boundary"]),
    ("segm", "boundary_official_challenge2021", ["--iou-type", "boundary", "--fixed-ap"]),
  ])
  func printsTheReferencesMetricsAsJSON(results: String, expected name: String, arguments: [String]) throws {
    let metrics = try json(try evaluate(arguments + ["--format", "json"], results: results))
    let expected = try expected(name)
    #expect(Set(metrics.keys) == Set(expected.keys).union(["warnings"]))
    for (key, value) in expected {
      let own = try #require(metrics[key] as? Double)
      #expect(abs(own - value) <= 1e-12, "\(key)")
    }
  }

  @Test func printsClasses() throws {
    let root = try json(try evaluate(["--per-class", "--format", "json"]))
    let classes = try #require(root["classes"] as? [[String: Any]])
    #expect(classes.count == 24)
    let first = try #require(classes.first { $0["id"] as? Int == 3 }?["AP"] as? Double)
    #expect(abs(first - 0.34439790132859444) < 1e-12)
  }

  @Test func tableGoesToStandardOutputAndWarningsToTheOther() throws {
    let output = try evaluate([])
    #expect(output.status == 0)
    #expect(output.output.contains("AR@300") && !output.output.contains("warning"))
    #expect(output.error.contains("annotation id 0") && output.error.contains("--fix-id-zero"))
    #expect(!(try evaluate(["--fix-id-zero"]).error.contains("annotation id 0")))
  }

  @Test(arguments: [
    (["--max-detections", "0"], "--max-detections"), (["--iou-thresholds", "0.5,1.5"], "between 0 and 1"),
    (["--iou-thresholds", "nan"], "--iou-thresholds"), (["--area-ranges", "small"], "--area-ranges"),
    (["--protocol", "coco", "--fixed-ap"], "caps"), (["--iou-type", "mask"], "--iou-type"),
  ])
  func refusesContradictoryFlags(arguments: [String], message: String) throws {
    let output = try evaluate(arguments)
    #expect(output.status == 64)
    #expect(output.error.contains(message), "\(output.error)")
  }
}
