import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Against the official code's weights and re-weighted losses (`case_weighted_softmax_ce_1.json`).
@Suite struct ClassWeightsTests {
  @Test func weightsMatchOfficialCode() throws {
    var compared = 0
    for golden in try GoldenCase.losses("case_weighted_softmax_ce_1.json") {
      let counts = integers(golden.inputs["class_counts"])
      let weights = try #require(golden.outputs["weights"] as? [String: Any])
      if counts.contains(0) { continue }
      let inverse = ClassWeights.inverseFrequency(counts: counts)
      #expect(largestDifference([1] + inverse, numbers(weights["inv_freq_clipped"])) < 1e-12)
      let effective = ClassWeights.effectiveNumber(counts: counts, beta: 0.999)
      #expect(largestDifference([1] + effective, numbers(weights["effective_number_bours_clipped"])) < 1e-12)
      let whole = golden.outputs["class_balanced_weights_fg_only_sum_to_C"] as? [String: Any] ?? [:]
      for (name, beta) in [("beta_0.9", 0.9), ("beta_0.99", 0.99), ("beta_0.999", 0.999), ("beta_0.9999", 0.9999)]
      where whole[name] != nil {
        let weights = ClassWeights.effectiveNumber(counts: counts, beta: beta, limits: nil)
        #expect(largestDifference(weights, numbers(whole[name])) < 1e-11)
        compared += 1
      }
      compared += 1
    }
    #expect(compared == 6)
  }

  @Test func lossesMatchOfficialCodeInDouble() throws { try checkLosses(as: Double.self, tolerance: 1e-12) }
  @Test func lossesMatchOfficialCodeInFloat() throws { try checkLosses(as: Float.self, tolerance: 1e-5) }

  /// The official head divides by the rows; torch's weighted mean by the sum of the weights.
  private func checkLosses<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    let golden = try #require(try GoldenCase.losses("case_weighted_softmax_ce_1.json").first)
    let targets = integers(golden.inputs["labels"]).map { Int32($0) }
    let logits: [Scalar] = scalars(golden.inputs["logits"])
    let columns = logits.count / targets.count
    let weightSets = try #require(golden.outputs["weights"] as? [String: Any])
    let losses = try #require(golden.outputs["losses"] as? [String: Any])
    let rowCount = weightedRows(golden.inputs["label_weights"]).count
    for name in ["inv_freq_clipped", "effective_number_bf", "effective_number_bours_clipped"] {
      let expected = try #require(losses[name] as? [String: Any])
      let weights: [Scalar] = scalars(weightSets[name])
      let sum = targets.reduce(0) { $0 + weights[Int($1)] }
      for (kind, divisor) in [("bags", Scalar(rowCount)), ("torch_weighted_mean", sum)] {
        var values = logits
        let loss = softmaxCrossEntropy(
          logits: &values, rows: 0..<targets.count, columns: columns, targets: targets, weights: weights,
          divisor: divisor)
        #expect(largestDifference([loss], numbers(expected["\(kind)_loss"])) < tolerance, "\(name) \(kind)")
        #expect(largestDifference(values, numbers(expected["\(kind)_grad_logits"])) < tolerance, "\(name) \(kind)")
      }
    }
  }

  /// The official formulas give nan and clip every other class to .1 (INDEX.md, trap 6).
  @Test func aClassWithoutInstancesCountsAsOne() {
    let counts = [17, 0, 4781, 99, 0, 1]
    let ones = counts.map { max(1, $0) }
    #expect(ClassWeights.inverseFrequency(counts: counts) == ClassWeights.inverseFrequency(counts: ones))
    #expect(
      ClassWeights.effectiveNumber(counts: counts, beta: 0.999)
        == ClassWeights.effectiveNumber(counts: ones, beta: 0.999))
    #expect(
      ClassWeights.generalized(counts: counts, exponent: 0.8)
        == ClassWeights.generalized(counts: ones, exponent: 0.8))
    let weights = ClassWeights.inverseFrequency(counts: counts)
    #expect(weights[1] == weights[5] && weights[0] < weights[1] && weights[2] == 0.1)
  }

  @Test func limitsAndSums() {
    let counts = [1, 10, 100, 1000]
    #expect(ClassWeights.inverseFrequency(counts: counts, limits: 0.5...2) == [2, 0.5, 0.5, 0.5])
    #expect(abs(ClassWeights.generalized(counts: counts, exponent: 0.8).reduce(0, +) - 4) < 1e-12)
    #expect(ClassWeights.generalized(counts: [5], exponent: 0.8) == [1])
    #expect(ClassWeights.inverseFrequency(counts: [7]) == [1])
  }
}
