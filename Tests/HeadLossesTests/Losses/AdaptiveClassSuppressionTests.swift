import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Against ACSL's code (`case_acsl_1.json`), with the background rows that it drew.
@Suite struct AdaptiveClassSuppressionTests {
  @Test func matchesOfficialCodeInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesOfficialCodeInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    let cases = try GoldenCase.losses("case_acsl_1.json")
    #expect(cases.count == 5)
    for golden in cases {
      let groups = try #require(golden.inputs["groups"] as? [String: Any])
      let (rare, common) = (Set(integers(groups["rare"])), Set(integers(groups["common"])))
      let targets = integers(golden.inputs["labels"]).map { Int32($0) }
      var values: [Scalar] = scalars(golden.inputs["logits"])
      let columns = values.count / targets.count
      let weights: Matrix<Scalar> = SuppressionObjective.backgroundWeights(
        isRare: (1..<columns).map { rare.contains($0) }, isCommon: (1..<columns).map { common.contains($0) })
      let drawn = golden.outputs["sampled_bg_rows"] as? [String: Any] ?? [:]
      var patterns = [UInt8](repeating: 0, count: targets.count)
      for row in integers(drawn["rare"]) { patterns[row] += 1 }
      for row in integers(drawn["common"]) { patterns[row] += 2 }
      let loss = adaptiveSuppressionLoss(
        logits: &values, rows: 0..<targets.count, columns: columns, targets: targets,
        threshold: Scalar(try #require(numbers(golden.hyperparameters["score_thr"]).first)),
        backgroundWeights: weights, patterns: patterns, divisor: Scalar(targets.count))
      #expect(largestDifference([loss], numbers(golden.outputs["total_loss"])) < tolerance, "\(golden)")
      #expect(largestDifference(values, numbers(golden.outputs["grad_logits"])) < tolerance, "\(golden)")
    }
  }

  @Test func drawsAsManyBackgroundRowsAsOfficialCode() throws {
    var generator = SeededGenerator(seed: 3)
    for golden in try GoldenCase.losses("case_acsl_1.json") {
      let drawn = golden.outputs["sampled_bg_rows"] as? [String: Any] ?? [:]
      let isBackground = integers(golden.inputs["labels"]).map { $0 == 0 }
      let patterns = suppressionPatterns(isBackground: isBackground, using: &generator)
      #expect(patterns.filter { $0 & 1 == 1 }.count == integers(drawn["rare"]).count, "\(golden)")
      #expect(patterns.filter { $0 & 2 == 2 }.count == integers(drawn["common"]).count, "\(golden)")
      for (pattern, isBackground) in zip(patterns, isBackground) where !isBackground { #expect(pattern == 0) }
    }
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
    expectGradient(at: [2, -1, 3, -2, 0.5, -0.7, 1, 0.2, -3, 4, 1, -1]) { logits in
      adaptiveSuppressionLoss(
        logits: &logits, rows: 0..<3, columns: 4, targets: [0, 2, 1], threshold: 0.7, backgroundWeights: weights,
        patterns: [2, 0, 0], divisor: 3)
    }
  }
}
