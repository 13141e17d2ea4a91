import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import TestSupport
import Testing

/// Against the authors' files (`case_ecm_1.json`).
@Suite struct EffectiveClassMarginTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-11) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_ecm_1.json") {
      let counts = try golden.inputs.integers("class_counts")
      let margins = EffectiveClassMargins(
        counts: counts, backgroundRatio: try golden.hyperparameters.number("fg_bg_ratio"))
      #expect(try largestDifference(margins.margins, golden.outputs.numbers("margins")) < 1e-11, "\(golden)")
      #expect(try largestDifference(margins.weights, golden.outputs.numbers("weights")) < 1e-11, "\(golden)")
      let columns = counts.count + 1
      let logits = try golden.inputs.matrix("logits", columns: columns, as: scalar)
      let targets = try golden.inputs.labels(count: logits.rows, classCount: counts.count, background: .last)
        .map { $0 < 0 ? Int32(counts.count) : $0 }
      var values = logits.storage
      let loss = effectiveMarginLoss(
        logits: &values, rows: 0..<logits.rows, columns: columns, targets: targets,
        margins: margins.margins.map { Scalar($0) }, weights: margins.weights.map { Scalar($0) },
        divisor: Scalar(logits.rows))
      #expect(try relativeDifference(loss, golden.outputs.number("total_loss")) < tolerance, "\(golden)")
      #expect(try largestDifference(values, golden.outputs.numbers("grad_logits")) < tolerance, "\(golden)")

      values = logits.storage
      var scores = [Scalar](repeating: 0, count: logits.rows * counts.count)
      SigmoidLayout(classCount: counts.count, background: .objectness)
        .sigmoidScores(logits: &values, count: logits.rows, into: &scores)
      let expected = try golden.outputs.matrix("activation_scores", columns: columns, as: Double.self)
      #expect(
        largestDifference(scores, expected.selecting(columns: 0..<counts.count).storage) < tolerance, "\(golden)")
    }
  }

  @Test func gradientMatchesFiniteDifferences() {
    let margins = EffectiveClassMargins(counts: [1, 40, 0, 500])
    let error = gradientError(at: randomLogits(15, seed: 3)) { logits in
      effectiveMarginLoss(
        logits: &logits, rows: 0..<3, columns: 5, targets: [4, 0, 3], margins: margins.margins,
        weights: margins.weights, divisor: 3)
    }
    #expect(error < 1e-7)
  }

  /// Rarer classes have margins further below 0.
  @Test func marginsFollowTheCounts() {
    let margins = EffectiveClassMargins(counts: [1, 40, 0, 500])
    #expect(margins.margins[0] == margins.margins[2] && margins.margins[0] < margins.margins[1])
    #expect(margins.margins[1] < margins.margins[3] && margins.margins[3] < margins.margins[4])
  }
}
