import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Against mmdetection 1, torchvision and detectron2 (`case_box_coder_smooth_l1_1.json`): the loss of the deltas of each
/// foreground RoI's own class, over all RoIs.
@Suite struct SmoothL1Tests {
  @Test(arguments: [("mmdet1", 1.0), ("torchvision", 1.0 / 9)])
  func lossAndGradientMatchTheReference(name: String, beta: Double) throws {
    try check(name, beta: beta, as: Double.self, tolerance: 1e-12)
    try check(name, beta: beta, as: Float.self, tolerance: 1e-5)
  }

  @Test func withBetaZeroItIsDetectron2sL1() throws {
    let golden = try #require(try GoldenCase.losses("case_box_coder_smooth_l1_1.json").first)
    var (deltas, targets, _) = try foreground(golden, as: Double.self)
    let loss = smoothL1(&deltas, targets: targets, count: deltas.count, beta: 0, divisor: 32)
    let expected = numbers(smoothL1Outputs(golden)["detectron2_default_l1_beta0_loss_bbox_DERIVED"])
    #expect(largestDifference([loss], expected) < 1e-12)
  }

  @Test func theDifferenceZeroHasNoGradient() {
    for beta in [0.0, 1] {
      var deltas: [Double] = [2, 2]
      #expect(smoothL1(&deltas, targets: [2, 2], count: 2, beta: beta, divisor: 1) == 0)
      #expect(deltas == [0, 0])
    }
  }

  @Test func withoutForegroundTheLossIsZero() {
    var loss = SmoothL1()
    var nothing: [Float] = []
    #expect(loss.backward(&nothing, targets: [], count: 0, batchCount: 8) == 0)
  }

  private func check<Scalar: DenseScalar>(
    _ name: String, beta: Double, as scalar: Scalar.Type, tolerance: Double
  ) throws {
    let golden = try #require(try GoldenCase.losses("case_box_coder_smooth_l1_1.json").first)
    var (deltas, targets, columns) = try foreground(golden, as: scalar)
    let loss = smoothL1(&deltas, targets: targets, count: deltas.count, beta: Scalar(beta), divisor: 32)
    let outputs = smoothL1Outputs(golden)
    #expect(largestDifference([loss], numbers(outputs["\(name)_loss_bbox"])) < tolerance)
    let whole = numbers(outputs["\(name)_grad_pred"])
    #expect(largestDifference(deltas, columns.map { whole[$0] }) < tolerance)
    // Elsewhere there is none.
    #expect(whole.count { $0 != 0 } == columns.count { whole[$0] != 0 })
  }

  private func smoothL1Outputs(_ golden: GoldenCase) -> [String: Any] {
    golden.outputs["smooth_l1"] as? [String: Any] ?? [:]
  }

  /// The deltas of each foreground RoI's own class, their targets, and where they stand in [N, 4(C + 1)].
  private func foreground<Scalar: DenseScalar>(
    _ golden: GoldenCase, as scalar: Scalar.Type
  ) throws -> (deltas: [Scalar], targets: [Scalar], columns: [Int]) {
    let labels = integers(golden.inputs["labels"])
    let predictions = numbers(golden.inputs["bbox_pred"])
    let targets = numbers(golden.inputs["bbox_targets"])
    let width = predictions.count / labels.count
    let rows = labels.indices.filter { labels[$0] > 0 }
    let columns = rows.flatMap { row in (0..<4).map { row * width + 4 * labels[row] + $0 } }
    return (
      columns.map { Scalar(predictions[$0]) }, rows.flatMap { row in (0..<4).map { Scalar(targets[4 * row + $0]) } },
      columns
    )
  }
}
