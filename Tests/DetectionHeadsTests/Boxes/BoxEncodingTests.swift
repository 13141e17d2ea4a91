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
    let golden = try #require(try GoldenCase.losses("case_box_coder_smooth_l1_1.json").first)
    let coders = try #require(golden.outputs["coders"] as? [String: [String: Any]])
    let expected = numbers(try #require(coders[name])["encode"])
    let coder = BoxCoder(convention: convention, standardDeviations: [0.1, 0.1, 0.2, 0.2])
    let rois = boxes(golden.inputs["rois"])
    let objects = boxes(golden.inputs["gts"])
    let exact = try zip(rois, objects).flatMap { roi, object in
      let deltas = try #require(coder.encode(object, from: roi))
      return (0..<4).map { deltas[$0] }
    }
    // The standard deviations are Float: .1 is 1.5e-8 off.
    #expect(largestDifference(exact, expected) < 1e-7)
    let single = try zip(rois, objects).flatMap { roi, object in
      let deltas = try #require(coder.encode(corner(object), from: corner(roi)))
      return (0..<4).map { deltas[$0] }
    }
    #expect(largestDifference(single, expected) < 1e-5)
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

  private func boxes(_ value: Any?) -> [SIMD4<Double>] {
    let all = numbers(value)
    return stride(from: 0, to: all.count, by: 4).map { [all[$0], all[$0 + 1], all[$0 + 2], all[$0 + 3]] }
  }

  private func corner(_ box: SIMD4<Double>) -> CornerBox {
    CornerBox(Float(box.x), Float(box.y), Float(box.z), Float(box.w))
  }
}
