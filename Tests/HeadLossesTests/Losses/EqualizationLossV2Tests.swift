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
    for golden in try GoldenCase.losses("case_eqlv2_1.json") {
      let inputs = try golden.inputs.objects("batches")
      let classCount = try inputs[0].matrix("logits", as: scalar).columns - 1
      try #require(classCount > 0)
      var balance = GradientBalance(classCount: classCount)
      balance.slope = try golden.hyperparameters.number("gamma")
      balance.middle = try golden.hyperparameters.number("mu")
      balance.boost = try golden.hyperparameters.number("alpha")
      if golden.inputs.has("initial_pos_grad") {
        balance.add(
          positive: try golden.inputs.numbers("initial_pos_grad", count: classCount),
          negative: try golden.inputs.numbers("initial_neg_grad", count: classCount))
      }
      for (input, output) in zip(inputs, try golden.outputs.objects("batches", count: inputs.count)) {
        let logits = try input.matrix("logits", columns: classCount + 1, as: scalar)
        let count = logits.rows
        let labels = try input.labels(count: count, classCount: classCount, background: .last)
        let weights = balance.weights
        func expect<Number: BinaryFloatingPoint>(_ found: [Number], _ name: String) throws {
          #expect(try largestDifference(found, output.numbers(name)) < tolerance, "\(golden) \(name)")
        }
        try expect(weights.negative + [1], "neg_w_per_class")
        try expect(weights.positive + [1], "pos_w_per_class")
        var values = logits.storage
        let loss = equalizationLossV2(logits: &values, rows: count, labels: labels, balance: &balance, threads: 2)
        try expect([loss], "loss")
        try expect(values, "grad_logits")
        try expect(balance.positive, "pos_grad_after")
        try expect(balance.negative, "neg_grad_after")
        try expect(balance.ratio, "pos_neg_after")

        values = logits.storage
        var scores = [Scalar](repeating: 0, count: count * classCount)
        SigmoidLayout(classCount: classCount, background: .objectness)
          .sigmoidScores(logits: &values, count: count, into: &scores)
        let expected = try output.matrix("activation_scores", rows: count, columns: classCount + 1, as: Double.self)
        #expect(largestDifference(scores, expected.selecting(columns: 0..<classCount).storage) < tolerance, "\(golden)")
      }
    }
  }

  @Test func weightsAreOneBeforeTheFirstBatch() {
    let weights = GradientBalance(classCount: 2).weights
    #expect(weights.negative == [1, 1] && weights.positive == [1, 1])
  }
}
