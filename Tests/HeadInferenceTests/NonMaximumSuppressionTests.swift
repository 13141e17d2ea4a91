import Foundation
import HeadInference
import LVISDatasets
import TestSupport
import Testing

/// Against torchvision's `batched_nms` (golden case nms).
@Suite struct NonMaximumSuppressionTests {
  struct Case: Decodable {
    struct Inputs: Decodable {
      let boxes: [[Float]]
      let scores_with_ties: [Float]
      let classes: [Int]
    }
    struct Outputs: Decodable {
      let keep_batched_nms_iou_0_5, keep_batched_nms_iou_0_7, keep_class_agnostic_iou_0_5: [Int]
    }
    struct Edge: Decodable {
      struct Inputs: Decodable {
        let boxes: [[Float]]
        let scores: [Float]
        let classes: [Int]
      }
      struct Outputs: Decodable { let keep: [Int] }
      let label: String
      let inputs: Inputs
      let outputs: Outputs
    }
    let inputs: Inputs
    let outputs: Outputs
    let edge_cases: [Edge]
  }

  static func boxes(_ values: [[Float]]) -> [CornerBox] { values.map { CornerBox($0[0], $0[1], $0[2], $0[3]) } }

  func golden() throws -> Case {
    let url = URL(fileURLWithPath: goldenPath("losses/case_nms_1.json"))
    return try JSONDecoder().decode(Case.self, from: Data(contentsOf: url))
  }

  @Test func keepsWhatTorchvisionKeeps() throws {
    let golden = try golden()
    let (boxes, scores) = (Self.boxes(golden.inputs.boxes), golden.inputs.scores_with_ties)
    func kept(_ classes: [Int], _ threshold: Double) -> [Int] {
      nonMaximumSuppression(boxes: boxes, scores: scores, classes: classes, threshold: threshold)
    }
    #expect(kept(golden.inputs.classes, 0.5) == golden.outputs.keep_batched_nms_iou_0_5)
    #expect(kept(golden.inputs.classes, 0.7) == golden.outputs.keep_batched_nms_iou_0_7)
    #expect(kept(golden.inputs.classes.map { _ in 0 }, 0.5) == golden.outputs.keep_class_agnostic_iou_0_5)
  }

  @Test func keepsTheSameInEdgeCases() throws {
    let edges = try golden().edge_cases
    #expect(edges.count == 3)
    for edge in edges {
      let kept = nonMaximumSuppression(
        boxes: Self.boxes(edge.inputs.boxes), scores: edge.inputs.scores, classes: edge.inputs.classes)
      #expect(kept == edge.outputs.keep, "\(edge.label)")
    }
  }
}
