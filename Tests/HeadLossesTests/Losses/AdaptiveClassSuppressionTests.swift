import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Against ACSL's code (`case_acsl_1.json`), with the background rows that it drew.
@Suite struct AdaptiveClassSuppressionTests {
  @Test func matchesOfficialCodeInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesOfficialCodeInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_acsl_1.json") {
      let logits = try golden.inputs.matrix("logits", as: scalar)
      let (count, columns) = (logits.rows, logits.columns)
      let groups = try golden.inputs.object("groups")
      let labels = try golden.inputs.labels(count: count, classCount: columns - 1, background: .first)
      let (rare, common) = (Set(try classes("rare", of: groups)), Set(try classes("common", of: groups)))
      let weights: Matrix<Scalar> = SuppressionObjective.backgroundWeights(
        isRare: (1..<columns).map { rare.contains($0) }, isCommon: (1..<columns).map { common.contains($0) })
      var patterns = [UInt8](repeating: 0, count: count)
      for row in try drawnRows("rare", of: golden, count: count) { patterns[row] |= 1 }
      for row in try drawnRows("common", of: golden, count: count) { patterns[row] |= 2 }
      var values = logits.storage
      let loss = adaptiveSuppressionLoss(
        logits: &values, rows: 0..<count, columns: columns, targets: labels.map { $0 + 1 },
        threshold: Scalar(try golden.hyperparameters.number("score_thr", in: 0...1)), backgroundWeights: weights,
        patterns: patterns, divisor: Scalar(count))
      #expect(try relativeDifference(loss, golden.outputs.number("total_loss")) < tolerance, "\(golden)")
      #expect(try largestDifference(values, golden.outputs.numbers("grad_logits")) < tolerance, "\(golden)")
    }
  }

  @Test func drawsAsManyBackgroundRowsAsOfficialCode() throws {
    var generator = SeededGenerator(seed: 3)
    for golden in try GoldenCase.losses("case_acsl_1.json") {
      let isBackground = try golden.inputs.integers("labels").map { $0 == 0 }
      let patterns = suppressionPatterns(isBackground: isBackground, using: &generator)
      for (name, bit) in [("rare", UInt8(1)), ("common", 2)] {
        let expected = try drawnRows(name, of: golden, count: isBackground.count).count
        #expect(patterns.count { $0 & bit != 0 } == expected, "\(golden)")
      }
      for (pattern, isBackground) in zip(patterns, isBackground) where !isBackground { #expect(pattern == 0) }
    }
  }

  /// Category ids of a kind of class, which may have none.
  private func classes(_ kind: String, of groups: GoldenValues) throws -> [Int] {
    try groups.isEmpty(kind) ? [] : groups.integers(kind)
  }

  /// The background rows that the official code drew for a kind of class; none where there were too few.
  private func drawnRows(_ kind: String, of golden: GoldenCase, count: Int) throws -> [Int] {
    let drawn = try golden.outputs.object("sampled_bg_rows")
    return try !drawn.has(kind) || drawn.isEmpty(kind) ? [] : drawn.integers(kind, in: 0...count - 1)
  }

  @Test func drawsUniformly() {
    var generator = SeededGenerator(seed: 4)
    var drawn = [Int](repeating: 0, count: 200)
    let rounds = 5000
    for _ in 0..<rounds {
      let patterns = suppressionPatterns(isBackground: Array(repeating: true, count: 200), using: &generator)
      for (row, pattern) in patterns.enumerated() where pattern & 2 == 2 { drawn[row] += 1 }
    }
    // Each with probability 1/10; five standard deviations.
    let deviation = (Double(rounds) * 0.1 * 0.9).squareRoot()
    for count in drawn { #expect(abs(Double(count) - Double(rounds) / 10) < 5 * deviation) }
  }

  @Test func gradientMatchesFiniteDifferences() {
    let weights: Matrix<Double> = SuppressionObjective.backgroundWeights(
      isRare: [true, false, false], isCommon: [false, true, false])
    // A threshold that no score is near.
    let error = gradientError(at: [2, -1, 3, -2, 0.5, -0.7, 1, 0.2, -3, 4, 1, -1]) { logits in
      adaptiveSuppressionLoss(
        logits: &logits, rows: 0..<3, columns: 4, targets: [0, 2, 1], threshold: 0.7, backgroundWeights: weights,
        patterns: [2, 0, 0], divisor: 3)
    }
    #expect(error < 1e-7)
  }
}
