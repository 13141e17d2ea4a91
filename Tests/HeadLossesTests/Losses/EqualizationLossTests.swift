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
    let cases = try GoldenCase.losses("case_eql_1.json")
    #expect(cases.count == 5)
    for golden in cases {
      let lambda = try #require(numbers(golden.hyperparameters["lambda_"]).first)
      let frequencies = numbers(golden.inputs["freq"])
      let columns = frequencies.count
      let labels = labelsWithBackgroundLast(golden.inputs["labels"], classCount: columns)
      // Frequencies of a million images, so that counts give them back.
      let isTail = tailClasses(
        imageCounts: frequencies.map { Int(($0 * 1e9).rounded()) }, imageCount: 1_000_000_000, threshold: lambda)
      #expect(isTail == frequencies.map { $0 < lambda })
      let foreground = isTail.map { Scalar($0 ? 0 : 1) }
      var values: [Scalar] = scalars(golden.inputs["logits"])
      let loss = equalizationLoss(
        logits: &values, rows: 0..<labels.count, columns: columns, targets: labels, foregroundWeights: foreground,
        backgroundWeights: [Scalar](repeating: 1, count: columns), divisor: Scalar(labels.count))
      #expect(largestDifference([loss], numbers(golden.outputs["total_loss"])) < tolerance, "\(golden)")
      #expect(largestDifference(values, numbers(golden.outputs["grad_logits"])) < tolerance, "\(golden)")

      values = scalars(golden.inputs["logits"])
      var scores = values
      SigmoidLayout(classCount: columns).sigmoidScores(logits: &values, count: labels.count, into: &scores)
      let expected = withoutLastColumn(numbers(golden.outputs["scores_with_dummy_bg_zero"]), columns: columns + 1)
      #expect(largestDifference(scores, expected) < tolerance, "\(golden)")
    }
  }

  @Test func tailIsStrictlyBelowTheThreshold() {
    #expect(tailClasses(imageCounts: [9, 10, 11, 0], imageCount: 1000, threshold: 0.01) == [true, false, false, true])
    #expect(tailClasses(imageCounts: [0], imageCount: 0, threshold: 0.5) == [false])
  }

  @Test func gradientMatchesFiniteDifferences() {
    expectGradient(at: randomLogits(15, seed: 3)) { logits in
      equalizationLoss(
        logits: &logits, rows: 0..<3, columns: 5, targets: [1, -1, 4], foregroundWeights: [1, 0, 0, 1, 0],
        backgroundWeights: [1, 1, 1, 1, 1], divisor: 3)
    }
  }
}
