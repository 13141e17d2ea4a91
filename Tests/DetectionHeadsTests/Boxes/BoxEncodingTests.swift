import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets
import TestSupport
import Testing

/// Against the coders of mmdetection 1, mmdetection 2/3, detectron2 and torchvision (`case_box_coder_smooth_l1_1.json`).
@Suite struct BoxEncodingTests {
  static let conventions: [(String, BoxCoder.Convention)] = [
    ("mmdet1_legacy", .mmdetection1), ("mmdet2_3_DeltaXYWH", .mmdetection2), ("detectron2", .standard),
    ("torchvision", .standard),
  ]

  @Test(arguments: conventions) func encodesAsTheReference(name: String, convention: BoxCoder.Convention) throws {
    for golden in try GoldenCase.losses("case_box_coder_smooth_l1_1.json", having: ["gts", "bbox_pred"]) {
      let expected = try golden.outputs.object("coders").object(name).numbers("encode")
      let deviations = try golden.hyperparameters.numbers("stds", count: 4)
      let coder = BoxCoder(convention: convention, standardDeviations: SIMD4(deviations.map { Float($0) }))
      let rois = try golden.inputs.matrix("rois", columns: 4, as: Double.self)
      let objects = try golden.inputs.matrix("gts", rows: rois.rows, columns: 4, as: Double.self)
      let exact = try (0..<rois.rows).flatMap { row in
        let deltas = try #require(coder.encode(SIMD4(objects.row(row)), from: SIMD4(rois.row(row))))
        return (0..<4).map { deltas[$0] }
      }
      // The standard deviations are Float: .1 is 1.5e-8 off.
      #expect(largestDifference(exact, expected) < 1e-7, "\(golden)")
      let single = try (0..<rois.rows).flatMap { row in
        let deltas = try #require(coder.encode(corner(objects.row(row)), from: corner(rois.row(row))))
        return (0..<4).map { deltas[$0] }
      }
      #expect(largestDifference(single, expected) < 1e-5, "\(golden)")
    }
  }

  @Test func aBoxWithoutAreaHasNoDeltasUnlessSizesAreOneMore() {
    let point = CornerBox(5, 5, 5, 9)
    let box = CornerBox(0, 0, 10, 10)
    #expect(BoxCoder().encode(box, from: point) == nil)
    #expect(BoxCoder().encode(point, from: box) == nil)
    #expect(BoxCoder(convention: .mmdetection1).encode(point, from: box) != nil)
  }

  @Test(arguments: BoxCoder.Convention.allCases) func decodingUndoesIt(convention: BoxCoder.Convention) throws {
    let coder = BoxCoder(convention: convention, standardDeviations: [0.1, 0.1, 0.2, 0.2])
    let proposal = CornerBox(10, 20, 50, 44)
    let object = CornerBox(3, 25, 41, 90)
    let back = coder.decode(try #require(coder.encode(object, from: proposal)), from: proposal)
    #expect(abs(back.x1 - 3) < 1e-4 && abs(back.y1 - 25) < 1e-4)
    #expect(abs(back.x2 - 41) < 1e-4 && abs(back.y2 - 90) < 1e-4)
  }

  private func corner(_ box: [Double]) -> CornerBox {
    CornerBox(Float(box[0]), Float(box[1]), Float(box[2]), Float(box[3]))
  }
}
