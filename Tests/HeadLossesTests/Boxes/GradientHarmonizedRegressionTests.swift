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
      mu: try golden.hyperparameters.number("mu"), bins: try golden.hyperparameters.integer("bins", in: 1...1000),
      momentum: try golden.hyperparameters.number("momentum", in: 0...1))
    let inputs = try golden.inputs.objects("batches")
    for (input, output) in zip(inputs, try golden.outputs.objects("batches", count: inputs.count)) {
      var values = try input.numbers("pred").map { Scalar($0) }
      let found = loss.harmonize(
        &values, targets: try input.numbers("target", count: values.count).map { Scalar($0) },
        weights: try input.numbers("label_weights", count: values.count).map { Scalar($0) }, count: values.count)
      #expect(try relativeDifference(found, output.number("loss")) < tolerance, "\(golden)")
      #expect(try largestDifference(values, output.numbers("grad_pred")) < tolerance, "\(golden)")
      // Without momentum the reference keeps none.
      if loss.momentum > 0 {
        #expect(try largestDifference(loss.binCounts, output.numbers("acc_sum_after")) < tolerance, "\(golden)")
      }
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
    #expect(gradientError(loss(values).1, at: values, step: 1e-6) { loss($0).0 } < 1e-6)
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
