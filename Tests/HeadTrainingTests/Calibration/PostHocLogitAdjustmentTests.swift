import DenseLinearAlgebra
import DetectionHeads
import HeadTraining
import LVISDatasets
import RealModule
import TestSupport
import Testing

/// Against the two lines of the authors' code (`case_logit_adjustment_1.json`), which has no background.
@Suite struct PostHocLogitAdjustmentTests {
  @Test func logitsMatchTheReference() throws {
    let cases = try GoldenCase.losses("case_logit_adjustment_1.json", having: ["class_counts", "posthoc_logits"]) {
      // A class without instances has what log 1e-12 gives in the reference; ours counts it as one instance.
      try !$0.inputs.integers("class_counts").contains(0)
    }
    for golden in cases {
      let counts = try golden.inputs.integers("class_counts")
      let logits = try golden.inputs.matrix("logits", columns: counts.count, as: Float.self)
      let head = try identityHead(SigmoidLayout(classCount: counts.count), counts: counts)
      let adjusted = try head.logitAdjusted(tau: try golden.hyperparameters.number("tau"))
      #expect(adjusted.weight == head.weight && adjusted.layout.name == "sigmoid")
      var found = [Float](repeating: 0, count: logits.storage.count)
      adjusted.logits(features: logits.storage, count: logits.rows, into: &found)
      #expect(try largestDifference(found, golden.outputs.numbers("posthoc_logits")) < 1e-6, "\(golden)")
    }
  }

  @Test func backgroundStaysInASoftmaxHead() throws {
    let counts = [3, 500, 40]
    let head = try identityHead(SoftmaxLayout(classCount: 3), counts: counts)
    let adjusted = try head.logitAdjusted(tau: 2)
    let expected = [0] + counts.map { Float(-2) * .log(Float($0) / 543) }
    #expect(adjusted.bias[0] == 0 && largestDifference(adjusted.bias, expected) < 1e-6)
    #expect(try head.logitAdjusted(tau: 0).bias.allSatisfy { abs($0) < 1e-9 })
  }

  /// The scaled logits are what is shifted, whatever layer they come from.
  @Test func aScaledHeadIsShiftedBehindItsScales() throws {
    let head = try identityHead(
      NormedLayout(ScaledLayout(scales: [1, 2, 0.5, 0])), counts: [3, 500, 40])
    let shifts = try head.logitAdjusted(tau: 1).bias
    let plain = try identityHead(SoftmaxLayout(classCount: 3), counts: [3, 500, 40]).logitAdjusted(tau: 1).bias
    #expect(largestDifference(zip(shifts, [1, 2, 0.5, 0]).map { $0 * $1 }, [0, plain[1], plain[2], 0]) < 1e-6)
    #expect(shifts.allSatisfy { $0.isFinite })
  }
}

/// A head whose logits are its features.
func identityHead(_ layout: any LogitLayout, counts: [Int], images: [Int]? = nil) throws -> LinearHead {
  let count = layout.logitCount
  return try LinearHead(
    weight: Matrix(
      rows: count, columns: count,
      values: (0..<count * count).map { $0 / count == $0 % count ? 1 : 0 }),
    bias: Array(repeating: 0, count: count), layout: layout,
    groups: CategoryGroups(instances: counts, images: images), method: "test")
}
