import DenseLinearAlgebra
import DetectionHeads
import Foundation
import LVISDatasets
import TestSupport
import Testing

/// Against the coders of mmdetection 1, mmdetection 2/3, detectron2 and torchvision (golden case box_coder_smooth_l1).
@Suite struct BoxCoderTests {
  static let conventions: [(String, BoxCoder.Convention)] = [
    ("detectron2", .standard), ("torchvision", .standard), ("mmdet2_3_DeltaXYWH", .mmdetection2),
    ("mmdet1_legacy", .mmdetection1),
  ]

  private func check(_ boxes: [CornerBox], _ coder: GoldenValues, _ entry: String, _ name: String) throws {
    let expected = try coder.matrix(entry, rows: boxes.count, columns: 4, as: Double.self)
    for (row, box) in boxes.enumerated() {
      for (found, expected) in zip([box.x1, box.y1, box.x2, box.y2], expected.row(row)) {
        // Boxes of some hundred pixels in single precision; the reference is in double.
        #expect(abs(Double(found) - expected) <= 1e-6 * max(100, abs(expected)), "\(name) row \(row)")
      }
    }
  }

  @Test(arguments: conventions) func decodesAsTheReference(name: String, convention: BoxCoder.Convention) throws {
    for golden in try GoldenCase.losses("case_box_coder_smooth_l1_1.json", having: ["deltas", "bbox_pred"]) {
      let expected = try golden.outputs.object("coders").object(name)
      let decoded = try decode(golden, convention)
      try check(decoded, expected, "decode", "\(golden) \(name)")
      guard expected.has("decode_clipped") else { continue }
      let shape = try golden.hyperparameters.numbers("max_shape_HW", count: 2).map { Float($0) }
      let coder = BoxCoder(convention: convention)
      let clipped = decoded.map { coder.clip($0, width: shape[1], height: shape[0]) }
      try check(clipped, expected, "decode_clipped", "\(golden) \(name), clipped")
    }
  }

  /// What the references answer where there is no size is compared where it is a number.
  @Test(arguments: conventions) func decodesRoIsWithoutArea(name: String, convention: BoxCoder.Convention) throws {
    let cases = try GoldenCase.losses("case_box_coder_smooth_l1_1.json", having: ["deltas"]) {
      !$0.inputs.has("bbox_pred")
    }
    for golden in cases {
      let coders = try golden.outputs.object("coders")
      guard coders.has(name), try coders.object(name).has("decode") else { continue }
      try check(decode(golden, convention), coders.object(name), "decode", "\(golden) \(name)")
    }
  }

  private func decode(_ golden: GoldenCase, _ convention: BoxCoder.Convention) throws -> [CornerBox] {
    let deviations = golden.hyperparameters.has("stds") ? try golden.hyperparameters.numbers("stds", count: 4) : nil
    let coder = BoxCoder(
      convention: convention,
      standardDeviations: deviations.map { SIMD4($0.map { Float($0) }) } ?? BoxCoder.regressorDeviations)
    let rois = try golden.inputs.matrix("rois", columns: 4, as: Float.self)
    let deltas = try golden.inputs.matrix("deltas", rows: rois.rows, columns: 4, as: Float.self)
    return (0..<rois.rows).map { row in
      coder.decode(
        SIMD4(deltas.row(row)), from: CornerBox(rois[row, 0], rois[row, 1], rois[row, 2], rois[row, 3]))
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
