import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import TestSupport
import Testing

/// Against the authors' file (`case_gol_1.json`), its random numbers given.
@Suite struct GumbelLossTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-9) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_gol_1.json") {
      let frequencies = try golden.inputs.numbers("image_frequencies")
      let columns = frequencies.count
      let logits = try golden.inputs.matrix("logits", columns: columns, as: scalar)
      let draws = try golden.inputs.matrix("draws", rows: logits.rows, columns: columns, as: Double.self)
      let labels = try golden.inputs.labels(count: logits.rows, classCount: columns, background: .last)
      let threshold = try golden.hyperparameters.number("lambda")
      let rule = DropRule(isTail: frequencies.map { $0 < threshold }, labels: labels)
      var values = logits.storage
      let loss = gumbelLoss(
        logits: &values, rows: 0..<logits.rows, columns: columns, targets: labels, divisor: Scalar(logits.rows)
      ) { row, weights in
        for column in 0..<columns {
          let drops = rule.drops(column: column, isForeground: labels[row] >= 0, draw: draws[row, column])
          weights[column] = drops ? 0 : 1
        }
      }
      #expect(try relativeDifference(loss, golden.outputs.number("total_loss")) < tolerance, "\(golden)")
      #expect(try largestDifference(values, golden.outputs.numbers("grad_logits")) < tolerance, "\(golden)")

      var plain = try golden.inputs.matrix("logits", as: Float.self).storage
      var scores = [Float](repeating: 0, count: plain.count)
      GumbelLayout(classCount: columns).scores(logits: &plain, count: logits.rows, into: &scores)
      #expect(try largestDifference(scores, golden.outputs.numbers("scores")) < 1e-5, "\(golden)")
    }
  }

  @Test func gradientMatchesFiniteDifferences() {
    let error = gradientError(at: randomLogits(15, seed: 3)) { logits in
      gumbelLoss(logits: &logits, rows: 0..<3, columns: 5, targets: [4, -1, 0], divisor: 3) { _, weights in
        for column in 0..<5 { weights[column] = Double(column) / 2 }
      }
    }
    #expect(error < 1e-7)
  }

  /// In foreground all tail classes but the RoI's own are left out, in background a share that the batch decides.
  @Test func leavesOutWhatTheRuleSays() {
    let rule = DropRule(isTail: [true, false, true], labels: [0, 1, 1, -1, 2])
    #expect(rule.tailShare == 0.5)
    #expect(rule.drops(column: 0, isForeground: true, draw: 0) && !rule.drops(column: 1, isForeground: true, draw: 1))
    #expect(rule.drops(column: 2, isForeground: false, draw: 0.6))
    #expect(!rule.drops(column: 2, isForeground: false, draw: 0.4))
    let background = DropRule(isTail: [true], labels: [-1])
    #expect(background.tailShare == nil && !background.drops(column: 0, isForeground: false, draw: 1))
  }
}
