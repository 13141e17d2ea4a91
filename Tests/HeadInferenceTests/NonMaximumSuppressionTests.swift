import DenseLinearAlgebra
import DetectionHeads
import Foundation
import HeadInference
import LVISDatasets
import TestSupport
import Testing

/// Against torchvision's `batched_nms` (golden case nms).
@Suite struct NonMaximumSuppressionTests {
  @Test func keepsWhatTorchvisionKeeps() throws {
    for golden in try GoldenCase.losses("case_nms_1.json", having: ["scores_with_ties"]) {
      let boxes = try boxes(golden)
      let scores = try golden.inputs.numbers("scores_with_ties", count: boxes.count).map { Float($0) }
      let classes = try golden.inputs.integers("classes", count: boxes.count, in: 0...100_000)
      func kept(_ classes: [Int], _ threshold: Double) -> [Int] {
        nonMaximumSuppression(boxes: boxes, scores: scores, classes: classes, threshold: threshold)
      }
      let outputs = golden.outputs
      #expect(try kept(classes, 0.5) == outputs.integers("keep_batched_nms_iou_0_5"), "\(golden)")
      #expect(try kept(classes, 0.7) == outputs.integers("keep_batched_nms_iou_0_7"), "\(golden)")
      let one = classes.map { _ in 0 }
      #expect(try kept(one, 0.5) == outputs.integers("keep_class_agnostic_iou_0_5"), "\(golden)")
    }
  }

  @Test func keepsTheSameInEdgeCases() throws {
    for golden in try GoldenCase.losses("case_nms_1.json", having: ["keep"]) {
      let boxes = try boxes(golden)
      let isEmpty = boxes.isEmpty
      let scores = isEmpty ? [] : try golden.inputs.numbers("scores", count: boxes.count).map { Float($0) }
      let classes = isEmpty ? [] : try golden.inputs.integers("classes", count: boxes.count, in: 0...100_000)
      let kept = nonMaximumSuppression(
        boxes: boxes, scores: scores, classes: classes, threshold: try golden.hyperparameters.number("iou_thr"))
      #expect(kept == (isEmpty ? [] : try golden.outputs.integers("keep")), "\(golden)")
    }
  }

  private func boxes(_ golden: GoldenCase) throws -> [CornerBox] {
    if try golden.inputs.isEmpty("boxes") { return [] }
    let boxes = try golden.inputs.matrix("boxes", columns: 4, as: Float.self)
    return (0..<boxes.rows).map { CornerBox(boxes[$0, 0], boxes[$0, 1], boxes[$0, 2], boxes[$0, 3]) }
  }
}
