import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// The reference implementation's answers on inputs made to hit every rule.
@Suite struct GoldenBoxTests {
  @Test(arguments: [("edge_dt_bbox", "expected_edge_bboxfile_bbox"), ("edge_dt_both", "expected_edge_bothfile_bbox")])
  func boxes(results: String, expected: String) throws {
    let result = try LVISEvaluator(groundTruth: GoldenData.groundTruth()).evaluate(GoldenData.detections(results))
    try GoldenData.expect(result, equals: expected)
  }

  @Test func fixedAP() throws {
    var options = EvaluationOptions()
    options.maxDetectionsPerImage = nil
    options.maxDetectionsPerCategory = 8
    let result = try LVISEvaluator(groundTruth: GoldenData.groundTruth(), options: options)
      .evaluate(GoldenData.detections("edge_dt_bbox"))
    try GoldenData.expect(result, equals: "expected_edge_fixedap8_bbox")
  }
}
