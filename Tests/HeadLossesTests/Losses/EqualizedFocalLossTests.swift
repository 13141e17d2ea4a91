import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import TestSupport
import Testing

/// Against the authors' file (`case_efl_1.json`), batches one after another with the gradients that they leave.
@Suite struct EqualizedFocalLossTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-10) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 2e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_efl_1.json") {
      let inputs = try golden.inputs.objects("batches")
      let classCount = try inputs[0].matrix("logits", as: scalar).columns
      var balance = FocusingBalance(classCount: classCount)
      balance.gamma = try golden.hyperparameters.number("gamma")
      balance.scale = try golden.hyperparameters.number("scale_factor")
      if golden.inputs.has("initial_pos_grad") {
        balance.add(
          positive: try golden.inputs.numbers("initial_pos_grad", count: classCount),
          negative: try golden.inputs.numbers("initial_neg_grad", count: classCount))
      }
      for (input, output) in zip(inputs, try golden.outputs.objects("batches", count: inputs.count)) {
        let logits = try input.matrix("logits", columns: classCount, as: scalar)
        let labels = try input.labels(count: logits.rows, classCount: classCount, background: .last)
        func expect<Number: BinaryFloatingPoint>(_ found: [Number], _ name: String) throws {
          #expect(try largestDifference(found, output.numbers(name)) < tolerance, "\(golden) \(name)")
        }
        var values = logits.storage
        let loss = equalizedFocalLoss(
          logits: &values, rows: logits.rows, labels: labels, alpha: Scalar(try golden.hyperparameters.number("alpha")),
          divisor: Scalar(try input.number("avg_factor")), balance: &balance, threads: 2)
        try expect([loss], "loss")
        try expect(values, "grad_logits")
        try expect(balance.positive, "pos_grad_after")
        try expect(balance.negative, "neg_grad_after")
        try expect(balance.ratio, "pos_neg_after")
      }
    }
  }

  /// Before the first batch, where every class is in balance.
  @Test func startsAsFocalLoss() throws {
    let labels: [Int32] = [2, -1, 0, 4]
    let logits = randomLogits(20, seed: 8)
    var (equalized, plain) = (logits, logits)
    var balance = FocusingBalance(classCount: 5)
    let a = equalizedFocalLoss(logits: &equalized, rows: 4, labels: labels, alpha: 0.3, divisor: 3, balance: &balance)
    let b = focalLoss(logits: &plain, rows: 0..<4, columns: 5, targets: labels, alpha: 0.3, gamma: 2, divisor: 3)
    #expect(abs(a - b) < 1e-12 && largestDifference(equalized, plain) < 1e-12)
    #expect(balance.gammas.allSatisfy { $0 > 2 && $0 <= 10 })
  }
}
