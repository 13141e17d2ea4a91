import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import TestSupport
import Testing

/// Against eql.detectron2 (`case_eql_1.json`).
@Suite struct EqualizationLossTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_eql_1.json") {
      let logits = try golden.inputs.matrix("logits", as: scalar)
      let (count, columns) = (logits.rows, logits.columns)
      let lambda = try golden.hyperparameters.number("lambda_")
      let frequencies = try golden.inputs.numbers("freq", count: columns)
      try #require(frequencies.allSatisfy { (0...1).contains($0) })
      let labels = try golden.inputs.labels(count: count, classCount: columns, background: .last)
      // Frequencies of a billion images, so that counts give them back.
      let isTail = tailClasses(
        imageCounts: frequencies.map { Int(($0 * 1e9).rounded()) }, imageCount: 1_000_000_000, threshold: lambda)
      #expect(isTail == frequencies.map { $0 < lambda })
      let foreground = isTail.map { Scalar($0 ? 0 : 1) }
      var values = logits.storage
      let loss = equalizationLoss(
        logits: &values, rows: 0..<count, columns: columns, targets: labels, foregroundWeights: foreground,
        backgroundWeights: [Scalar](repeating: 1, count: columns), divisor: Scalar(count))
      #expect(try relativeDifference(loss, golden.outputs.number("total_loss")) < tolerance, "\(golden)")
      #expect(try largestDifference(values, golden.outputs.numbers("grad_logits")) < tolerance, "\(golden)")

      values = logits.storage
      var scores = values
      SigmoidLayout(classCount: columns).sigmoidScores(logits: &values, count: count, into: &scores)
      let expected = try golden.outputs.matrix(
        "scores_with_dummy_bg_zero", rows: count, columns: columns + 1, as: Double.self)
      #expect(largestDifference(scores, expected.selecting(columns: 0..<columns).storage) < tolerance, "\(golden)")
    }
  }

  @Test func tailIsStrictlyBelowTheThreshold() {
    #expect(tailClasses(imageCounts: [9, 10, 11, 0], imageCount: 1000, threshold: 0.01) == [true, false, false, true])
    #expect(tailClasses(imageCounts: [0], imageCount: 0, threshold: 0.5) == [false])
  }

  @Test func gradientMatchesFiniteDifferences() {
    let error = gradientError(at: randomLogits(15, seed: 3)) { logits in
      equalizationLoss(
        logits: &logits, rows: 0..<3, columns: 5, targets: [1, -1, 4], foregroundWeights: [1, 0, 0, 1, 0],
        backgroundWeights: [1, 1, 1, 1, 1], divisor: 3)
    }
    #expect(error < 1e-7)
  }
}
