import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import TestSupport
import Testing

/// Against eqlv2 (`case_eqlv2_1.json`), batches one after another with the gradients that they leave.
@Suite struct EqualizationLossV2Tests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-11) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    let cases = try GoldenCase.losses("case_eqlv2_1.json")
    #expect(cases.count == 4)
    for golden in cases {
      let outputs = objects(golden.outputs["batches"])
      let classCount = try #require(outputs.first.map { numbers($0["pos_grad_after"]).count })
      var balance = GradientBalance(classCount: classCount)
      if golden.inputs["initial_pos_grad"] != nil {
        balance.add(
          positive: numbers(golden.inputs["initial_pos_grad"]), negative: numbers(golden.inputs["initial_neg_grad"]))
      }
      for (input, output) in zip(objects(golden.inputs["batches"]), outputs) {
        let labels = labelsWithBackgroundLast(input["labels"], classCount: classCount)
        let weights = balance.weights
        #expect(largestDifference(weights.negative + [1], numbers(output["neg_w_per_class"])) < tolerance, "\(golden)")
        #expect(largestDifference(weights.positive + [1], numbers(output["pos_w_per_class"])) < tolerance, "\(golden)")
        var values: [Scalar] = scalars(input["logits"])
        let loss = equalizationLossV2(
          logits: &values, rows: labels.count, labels: labels, balance: &balance, threads: 2)
        #expect(largestDifference([loss], numbers(output["loss"])) < tolerance, "\(golden)")
        #expect(largestDifference(values, numbers(output["grad_logits"])) < tolerance, "\(golden)")
        #expect(largestDifference(balance.positive, numbers(output["pos_grad_after"])) < tolerance, "\(golden)")
        #expect(largestDifference(balance.negative, numbers(output["neg_grad_after"])) < tolerance, "\(golden)")
        #expect(largestDifference(balance.ratio, numbers(output["pos_neg_after"])) < tolerance, "\(golden)")

        values = scalars(input["logits"])
        var scores = [Scalar](repeating: 0, count: labels.count * classCount)
        SigmoidLayout(classCount: classCount, background: .objectness)
          .sigmoidScores(logits: &values, count: labels.count, into: &scores)
        let expected = withoutLastColumn(numbers(output["activation_scores"]), columns: classCount + 1)
        #expect(largestDifference(scores, expected) < tolerance, "\(golden)")
      }
    }
  }

  @Test func weightsAreOneBeforeTheFirstBatch() {
    let weights = GradientBalance(classCount: 2).weights
    #expect(weights.negative == [1, 1] && weights.positive == [1, 1])
  }
}
