import DetectionHeads
import Foundation
import LVISDatasets
import TestSupport
import Testing

/// Against the coders of mmdetection 1, mmdetection 2/3, detectron2 and torchvision (golden case box_coder_smooth_l1).
@Suite struct BoxCoderTests {
  struct Case: Decodable {
    struct Inputs: Decodable { let rois, deltas: [[Float]] }
    struct Outputs: Decodable { let coders: [String: Coder] }
    struct Coder: Decodable {
      let decode: [[Double]]
      let decode_clipped: [[Double]]?
    }
    struct Edge: Decodable {
      let inputs: EdgeInputs
      let outputs: EdgeOutputs
    }
    struct EdgeInputs: Decodable { let rois, deltas: [[Float]]? }
    struct EdgeOutputs: Decodable { let coders: [String: Coder]? }
    let inputs: Inputs
    let outputs: Outputs
    let edge_cases: [Edge]
  }

  static let conventions: [(String, BoxCoder.Convention)] = [
    ("detectron2", .standard), ("torchvision", .standard), ("mmdet2_3_DeltaXYWH", .mmdetection2),
    ("mmdet1_legacy", .mmdetection1),
  ]

  func golden() throws -> Case {
    let url = URL(fileURLWithPath: goldenPath("losses/case_box_coder_smooth_l1_1.json"))
    return try JSONDecoder().decode(Case.self, from: Data(contentsOf: url))
  }

  func check(_ box: CornerBox, _ expected: [Double], _ name: String) {
    for (found, expected) in zip([box.x1, box.y1, box.x2, box.y2], expected) {
      // Boxes of some hundred pixels in single precision; the reference is in double.
      #expect(abs(Double(found) - expected) <= 1e-6 * max(100, abs(expected)), "\(name)")
    }
  }

  @Test(arguments: conventions) func decodesAsTheReference(name: String, convention: BoxCoder.Convention) throws {
    let golden = try golden()
    let coder = BoxCoder(convention: convention, standardDeviations: [0.1, 0.1, 0.2, 0.2])
    let expected = try #require(golden.outputs.coders[name])
    #expect(golden.inputs.rois.count == 32)
    for (row, (roi, deltas)) in zip(golden.inputs.rois, golden.inputs.deltas).enumerated() {
      let box = coder.decode(SIMD4(deltas), from: CornerBox(roi[0], roi[1], roi[2], roi[3]))
      check(box, expected.decode[row], "\(name) row \(row)")
      if let clipped = expected.decode_clipped {
        check(coder.clip(box, width: 400, height: 300), clipped[row], "\(name) row \(row), clipped")
      }
    }
  }

  @Test(arguments: conventions) func decodesRoIsWithoutArea(name: String, convention: BoxCoder.Convention) throws {
    let edge = try #require(try golden().edge_cases.first { $0.inputs.rois != nil })
    guard let expected = edge.outputs.coders?[name]?.decode else { return }
    let coder = BoxCoder(convention: convention, standardDeviations: [0.1, 0.1, 0.2, 0.2])
    for (row, (roi, deltas)) in zip(edge.inputs.rois ?? [], edge.inputs.deltas ?? []).enumerated() {
      check(
        coder.decode(SIMD4(deltas), from: CornerBox(roi[0], roi[1], roi[2], roi[3])), expected[row], "\(name) \(row)")
    }
  }

  @Test func deltasOfAFeatureSetAreTimesTheDeviationsAlready() {
    let box = BoxCoder().decode([0.5, -0.25, 0, 0.6931471805599453], from: CornerBox(10, 10, 20, 30))
    #expect(box == CornerBox(15, -5, 25, 35))
  }

  @Test func scalesAreLimited() {
    let roi = CornerBox(0, 0, 16, 16)
    let large = BoxCoder().decode([0, 0, 50, 50], from: roi)
    #expect(abs(large.x2 - large.x1 - 1000) < 1e-3)
    let small = BoxCoder().decode([0, 0, -50, -50], from: roi)
    #expect(small.x2 - small.x1 < 1e-6)
    let bounded = BoxCoder(convention: .mmdetection2).decode([0, 0, -50, -50], from: roi)
    #expect(abs(bounded.x2 - bounded.x1 - 0.256) < 1e-5)
  }
}
