import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Against the official code's weights and re-weighted losses (`case_weighted_softmax_ce_1.json`).
@Suite struct ClassWeightsTests {
  @Test func weightsMatchOfficialCode() throws {
    // Where a class has no instances, the official weights are not numbers.
    let cases = try GoldenCase.losses("case_weighted_softmax_ce_1.json") {
      try !$0.inputs.integers("class_counts").contains(0)
    }
    for golden in cases {
      let counts = try golden.inputs.integers("class_counts")
      let weights = try golden.outputs.object("weights")
      let inverse = ClassWeights.inverseFrequency(counts: counts)
      #expect(try largestDifference([1] + inverse, weights.numbers("inv_freq_clipped")) < 1e-12, "\(golden)")
      let effective = ClassWeights.effectiveNumber(counts: counts, beta: 0.999)
      #expect(
        try largestDifference([1] + effective, weights.numbers("effective_number_bours_clipped")) < 1e-12, "\(golden)")
    }
  }

  @Test func unlimitedWeightsMatchTheReference() throws {
    let name = "class_balanced_weights_fg_only_sum_to_C"
    for golden in try GoldenCase.losses("case_weighted_softmax_ce_1.json", having: [name]) {
      let counts = try golden.inputs.integers("class_counts", in: 1...1_000_000_000)
      let whole = try golden.outputs.object(name)
      try #require(!whole.names.isEmpty)
      for name in whole.names {
        let beta = try #require(Double(name.dropFirst("beta_".count)), "\(name)")
        let weights = ClassWeights.effectiveNumber(counts: counts, beta: beta, limits: nil)
        #expect(try largestDifference(weights, whole.numbers(name)) < 1e-11, "\(golden) \(name)")
      }
    }
  }

  @Test func lossesMatchOfficialCodeInDouble() throws { try checkLosses(as: Double.self, tolerance: 1e-12) }
  @Test func lossesMatchOfficialCodeInFloat() throws { try checkLosses(as: Float.self, tolerance: 1e-5) }

  /// The official head divides by the rows; torch's weighted mean by the sum of the weights.
  private func checkLosses<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_weighted_softmax_ce_1.json", having: ["losses"]) {
      let logits = try golden.inputs.matrix("logits", as: scalar)
      let columns = logits.columns
      let targets = try golden.inputs.labels(count: logits.rows, classCount: columns, background: .none)
      let weightSets = try golden.outputs.object("weights")
      let losses = try golden.outputs.object("losses")
      let rowCount = max(1, try golden.inputs.weightedRows(count: logits.rows).count)
      let names = losses.names.filter { weightSets.has($0) && $0 != "float32_scalars" }
      try #require(!names.isEmpty)
      for name in names {
        let expected = try losses.object(name)
        let weights = try weightSets.numbers(name, count: columns).map { Scalar($0) }
        let sum = targets.reduce(0) { $0 + weights[Int($1)] }
        for (kind, divisor) in [("bags", Scalar(rowCount)), ("torch_weighted_mean", sum)] {
          var values = logits.storage
          let loss = softmaxCrossEntropy(
            logits: &values, rows: 0..<targets.count, columns: columns, targets: targets, weights: weights,
            divisor: divisor)
          let place: Comment = "\(golden) \(name) \(kind)"
          #expect(try relativeDifference(loss, expected.number("\(kind)_loss")) < tolerance, place)
          #expect(try largestDifference(values, expected.numbers("\(kind)_grad_logits")) < tolerance, place)
        }
      }
    }
  }

  /// The official formulas give nan and clip every other class to .1.
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
