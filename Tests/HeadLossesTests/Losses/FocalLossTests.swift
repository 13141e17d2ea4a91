import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Against mmdetection 1 and torchvision, which agree (`case_sigmoid_focal_1.json`).
@Suite struct FocalLossTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_sigmoid_focal_1.json") {
      let logits = try golden.inputs.matrix("logits", as: scalar)
      let columns = logits.columns
      let labels = try golden.inputs.labels(count: logits.rows, classCount: columns, background: .last)
      let kept = try golden.inputs.weightedRows(count: logits.rows)
      var values = logits.values(ofRows: kept)
      let loss = focalLoss(
        logits: &values, rows: 0..<kept.count, columns: columns, targets: kept.map { labels[$0] },
        alpha: Scalar(try golden.hyperparameters.number("alpha")),
        gamma: Scalar(try golden.hyperparameters.number("gamma")),
        divisor: Scalar(try golden.inputs.number("avg_factor")))
      #expect(try relativeDifference(loss, golden.outputs.number("total_loss")) < tolerance, "\(golden)")
      let gradient = scattered(values, toRows: kept, of: logits.rows, columns: columns)
      #expect(try largestDifference(gradient, golden.outputs.numbers("grad_logits")) < tolerance, "\(golden)")
    }
  }

  @Test(arguments: [0, 0.5, 1, 2, 5])
  func gradientMatchesFiniteDifferences(gamma: Double) {
    let targets: [Int32] = [1, -1, 4]
    let error = gradientError(at: randomLogits(15, seed: 3, scale: 2)) { logits in
      focalLoss(logits: &logits, rows: 0..<3, columns: 5, targets: targets, alpha: 0.3, gamma: gamma, divisor: 2)
    }
    #expect(error < 1e-7)
  }
}
