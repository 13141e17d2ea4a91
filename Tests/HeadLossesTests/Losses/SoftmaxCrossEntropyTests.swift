import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import TestSupport
import Testing

@Suite struct SoftmaxCrossEntropyTests {
  @Test func matchesTheReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesTheReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    let cases = try GoldenCase.losses("case_softmax_ce_1.json")
    #expect(cases.count == 4)
    for golden in cases {
      let targets = integers(golden.inputs["labels"]).map { Int32($0) }
      var values = numbers(golden.inputs["logits"]).map { Scalar($0) }
      let columns = values.count / targets.count
      let loss = softmaxCrossEntropy(
        logits: &values, rows: 0..<targets.count, columns: columns, targets: targets, divisor: Scalar(targets.count))
      #expect(largestDifference([loss], numbers(golden.outputs["plain_mean_loss"])) < tolerance, "\(golden)")
      let gradient = numbers(golden.outputs["plain_mean_grad_logits"])
      #expect(largestDifference(values, gradient) < tolerance, "\(golden)")
    }
  }

  @Test func layoutScoresAreSoftmaxWithoutBackground() throws {
    for golden in try GoldenCase.losses("case_softmax_ce_1.json") {
      var values = numbers(golden.inputs["logits"]).map { Float($0) }
      let rows = integers(golden.inputs["labels"]).count
      let layout = SoftmaxLayout(classCount: values.count / rows - 1)
      var scores = [Float](repeating: 0, count: rows * layout.classCount)
      layout.scores(logits: &values, count: rows, into: &scores)
      let expected = numbers(golden.outputs["scores_softmax"])
      let foreground = expected.indices.filter { $0 % layout.logitCount != 0 }.map { expected[$0] }
      #expect(largestDifference(scores, foreground) < 1e-5)
    }
  }
}
