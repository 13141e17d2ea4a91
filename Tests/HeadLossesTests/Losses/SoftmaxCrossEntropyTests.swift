import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import TestSupport
import Testing

@Suite struct SoftmaxCrossEntropyTests {
  @Test func matchesTheReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesTheReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_softmax_ce_1.json") {
      let logits = try golden.inputs.matrix("logits", as: scalar)
      let targets = try golden.inputs.labels(count: logits.rows, classCount: logits.columns, background: .none)
      var values = logits.storage
      let loss = softmaxCrossEntropy(
        logits: &values, rows: 0..<logits.rows, columns: logits.columns, targets: targets,
        divisor: Scalar(logits.rows))
      #expect(try relativeDifference(loss, golden.outputs.number("plain_mean_loss")) < tolerance, "\(golden)")
      #expect(try largestDifference(values, golden.outputs.numbers("plain_mean_grad_logits")) < tolerance, "\(golden)")
    }
  }

  @Test func layoutScoresAreSoftmaxWithoutBackground() throws {
    for golden in try GoldenCase.losses("case_softmax_ce_1.json") {
      let logits = try golden.inputs.matrix("logits", as: Float.self)
      try #require(logits.columns > 1)
      let layout = SoftmaxLayout(classCount: logits.columns - 1)
      var values = logits.storage
      var scores = [Float](repeating: 0, count: logits.rows * layout.classCount)
      layout.scores(logits: &values, count: logits.rows, into: &scores)
      let expected = try golden.outputs.matrix(
        "scores_softmax", rows: logits.rows, columns: logits.columns, as: Double.self)
      #expect(largestDifference(scores, expected.selecting(columns: 1..<logits.columns).storage) < 1e-5, "\(golden)")
    }
  }
}
