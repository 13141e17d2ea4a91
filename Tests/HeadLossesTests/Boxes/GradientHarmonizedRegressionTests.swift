import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Against mmdetection's GHMR (`case_ghm_r_1.json`), state over successive batches included.
@Suite struct GradientHarmonizedRegressionTests {
  @Test func lossGradientAndStateMatchTheReference() throws {
    for golden in try GoldenCase.losses("case_ghm_r_1.json") {
      try check(golden, as: Double.self, tolerance: 1e-12)
      try check(golden, as: Float.self, tolerance: 1e-5)
    }
  }

  private func check<Scalar: DenseScalar>(_ golden: GoldenCase, as scalar: Scalar.Type, tolerance: Double) throws {
    var loss = GradientHarmonizedRegression(
      mu: try #require(numbers(golden.hyperparameters["mu"]).first),
      bins: try #require(integers(golden.hyperparameters["bins"]).first),
      momentum: try #require(numbers(golden.hyperparameters["momentum"]).first))
    let inputs = try #require(golden.inputs["batches"] as? [[String: Any]])
    let outputs = try #require(golden.outputs["batches"] as? [[String: Any]])
    for (input, output) in zip(inputs, outputs) {
      var values = numbers(input["pred"]).map { Scalar($0) }
      let found = loss.harmonize(
        &values, targets: numbers(input["target"]).map { Scalar($0) },
        weights: numbers(input["label_weights"]).map { Scalar($0) }, count: values.count)
      #expect(largestDifference([found], numbers(output["loss"])) < tolerance, "\(golden)")
      #expect(largestDifference(values, numbers(output["grad_pred"])) < tolerance, "\(golden)")
      let counts = numbers(output["acc_sum_after"])
      if !counts.isEmpty { #expect(largestDifference(loss.binCounts, counts) < tolerance, "\(golden)") }
    }
  }

  @Test func theGradientIsThatOfTheWeightedLoss() {
    // The weights carry no gradient: hold the bins by steps that stay within them.
    let targets = [0.0, 0, 0, 0]
    let values = [0.013, -0.4, 0.0091, 1.7]
    func loss(_ values: [Double]) -> (Double, [Double]) {
      var copy = values
      var loss = GradientHarmonizedRegression(momentum: 0)
      return (loss.harmonize(&copy, targets: targets, weights: nil, count: 4), copy)
    }
    let gradient = loss(values).1
    for index in values.indices {
      var (above, below) = (values, values)
      above[index] += 1e-6
      below[index] -= 1e-6
      #expect(abs((loss(above).0 - loss(below).0) / 2e-6 - gradient[index]) < 1e-6)
    }
  }

  @Test func goesOnFromItsState() throws {
    var first = GradientHarmonizedRegression()
    var values: [Float] = [0.1, 2, -0.3, 0]
    _ = first.backward(&values, targets: [0, 0, 0, 0], count: 1, batchCount: 9)
    var second = GradientHarmonizedRegression()
    try second.restore(state: first.state)
    var (one, two): ([Float], [Float]) = ([1, 2, 3, 0.01], [1, 2, 3, 0.01])
    let losses = (
      first.backward(&one, targets: [0, 0, 0, 0], count: 1, batchCount: 9),
      second.backward(&two, targets: [0, 0, 0, 0], count: 1, batchCount: 9)
    )
    #expect(losses.0 == losses.1 && one == two)
    var other = GradientHarmonizedRegression(bins: 30)
    #expect(throws: TrainingError.self) { try other.restore(state: first.state) }
  }

  @Test func withoutForegroundTheLossIsZero() {
    var loss = GradientHarmonizedRegression()
    var nothing: [Float] = []
    #expect(loss.backward(&nothing, targets: [], count: 0, batchCount: 8) == 0)
    #expect(loss.binCounts.allSatisfy { $0 == 0 })
  }
}
