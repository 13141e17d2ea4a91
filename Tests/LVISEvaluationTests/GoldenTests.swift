import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// The reference implementations' answers on inputs made to hit every rule.
@Suite struct GoldenTests {
  @Test(arguments: [
    ("edge_dt_bbox", "bboxfile_bbox"), ("edge_dt_both", "bothfile_bbox"), ("edge_dt_segm", "segmfile_bbox"),
  ])
  func boxes(results: String, expected: String) throws { try check(.init(iouType: .bbox), results, expected) }

  @Test(arguments: [
    ("edge_dt_bbox", "bboxfile_segm"), ("edge_dt_both", "bothfile_segm"), ("edge_dt_segm", "segmfile_segm"),
  ])
  func masks(results: String, expected: String) throws { try check(.init(iouType: .segm), results, expected) }

  @Test func masksWithTheBoxesDropped() throws {
    var columns = try DetectionColumns(
      contentsOfResults: goldenPath("evaluation/edge_dt_both.json"), including: .segmentations)
    for index in columns.presences.indices {
      columns.presences[index].remove(.box)
      columns.boxes[index] = BoundingBox(x: 0, y: 0, width: 0, height: 0)
    }
    let evaluator = try LVISEvaluator(groundTruth: GoldenData.groundTruth(masks: true), options: .init(iouType: .segm))
    try GoldenData.expect(try evaluator.evaluate(columns), equals: "expected_edge_bothfile_segm_bboxdropped")
  }

  // The golden numbers for masks name edge_dt_both as their input, but are those without its boxes: edge_dt_segm.
  @Test(arguments: [
    (EvaluationOptions.IoUType.bbox, "edge_dt_bbox", "fixedap8_bbox"), (.segm, "edge_dt_segm", "fixedap8_segm"),
  ])
  func fixedAP(iouType: EvaluationOptions.IoUType, results: String, expected: String) throws {
    var options = EvaluationOptions(iouType: iouType)
    options.maxDetectionsPerImage = nil
    options.maxDetectionsPerCategory = 8
    try check(options, results, expected)
  }

  @Test func boundaries() throws {
    try check(.init(iouType: .boundary), "edge_dt_segm", "boundary_official_default")
  }

  @Test func boundariesWithFixedAP() throws {
    var options = EvaluationOptions(iouType: .boundary)
    options.maxDetectionsPerImage = nil
    options.maxDetectionsPerCategory = 10_000
    try check(options, "edge_dt_segm", "boundary_official_challenge2021")
  }

  private func check(_ options: EvaluationOptions, _ results: String, _ expected: String) throws {
    let evaluator = try LVISEvaluator(
      groundTruth: GoldenData.groundTruth(masks: options.iouType != .bbox), options: options)
    let result = try evaluator.evaluate(resultsAt: goldenPath("evaluation/\(results).json"))
    try GoldenData.expect(result, equals: "expected_edge_\(expected)")
  }
}
