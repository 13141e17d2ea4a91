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
    for golden in try GoldenCase.losses(Self.file, having: ["smooth_l1"]) {
      var foreground = try Foreground<Double>(golden)
      let loss = foreground.backward(beta: 0)
      let expected = try golden.outputs.object("smooth_l1").number("detectron2_default_l1_beta0_loss_bbox_DERIVED")
      #expect(relativeDifference(loss, expected) < 1e-12, "\(golden)")
    }
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

  private static let file = "case_box_coder_smooth_l1_1.json"

  private func check<Scalar: DenseScalar>(
    _ name: String, beta: Double, as scalar: Scalar.Type, tolerance: Double
  ) throws {
    for golden in try GoldenCase.losses(Self.file, having: ["smooth_l1"]) {
      var foreground = try Foreground<Scalar>(golden)
      let loss = foreground.backward(beta: Scalar(beta))
      let outputs = try golden.outputs.object("smooth_l1")
      #expect(try relativeDifference(loss, outputs.number("\(name)_loss_bbox")) < tolerance, "\(golden)")
      // In all other places there is no gradient.
      #expect(try largestDifference(foreground.all, outputs.numbers("\(name)_grad_pred")) < tolerance, "\(golden)")
    }
  }

  /// The deltas of each foreground RoI's own class, their targets, and where they stand in [N, 4(C + 1)].
  private struct Foreground<Scalar: DenseScalar> {
    private var deltas: [Scalar]
    private let targets: [Scalar]
    private let places: [Int]
    private let shape: (rows: Int, columns: Int)

    init(_ golden: GoldenCase) throws {
      let predictions = try golden.inputs.matrix("bbox_pred", as: Scalar.self)
      shape = (predictions.rows, predictions.columns)
      try #require(shape.columns >= 4)
      let labels = try golden.inputs.integers("labels", count: shape.rows, in: 0...shape.columns / 4 - 1)
      let all = try golden.inputs.matrix("bbox_targets", rows: shape.rows, columns: 4, as: Scalar.self)
      let rows = labels.indices.filter { labels[$0] > 0 }
      places = rows.flatMap { row in (0..<4).map { row * predictions.columns + 4 * labels[row] + $0 } }
      deltas = places.map { predictions.storage[$0] }
      targets = all.values(ofRows: rows)
    }

    /// The loss over all RoIs.
    mutating func backward(beta: Scalar) -> Double {
      smoothL1(&deltas, targets: targets, count: deltas.count, beta: beta, divisor: Scalar(shape.rows))
    }

    /// The deltas in their places, zeros elsewhere.
    var all: [Scalar] { scattered(deltas, toRows: places, of: shape.rows * shape.columns, columns: 1) }
  }
}
