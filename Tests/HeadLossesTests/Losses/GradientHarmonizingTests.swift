import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Against GHM_Detection (`case_ghm_c_1.json`), batches one after another with the counts that they leave.
@Suite struct GradientHarmonizingTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    let cases = try GoldenCase.losses("case_ghm_c_1.json")
    #expect(cases.count == 6)
    for golden in cases {
      var density = GradientDensity(
        bins: try #require(integers(golden.hyperparameters["bins"]).first),
        momentum: try #require(numbers(golden.hyperparameters["momentum"]).first))
      let outputs = objects(golden.outputs["batches"])
      for (input, output) in zip(objects(golden.inputs["batches"]), outputs) {
        let kept = weightedRows(input["label_weights"])
        let all = numbers(input["logits"])
        let columns = all.count / numbers(input["label_weights"]).count
        let labels = labelsWithBackgroundLast(input["labels"], classCount: columns)
        for threads in [1, 3] {
          var copy = density
          var values = rows(kept, of: all.map { Scalar($0) }, columns: columns)
          let loss = harmonizedLoss(
            logits: &values, rows: kept.count, columns: columns, targets: kept.map { labels[$0] }, density: &copy,
            threads: threads)
          #expect(largestDifference([loss], numbers(output["loss"])) < tolerance, "\(golden)")
          let gradient = rows(kept, of: numbers(output["grad_logits"]), columns: columns)
          #expect(largestDifference(values, gradient) < tolerance, "\(golden)")
          // Without momentum the reference keeps none.
          if density.momentum > 0 {
            #expect(largestDifference(copy.accumulated, numbers(output["acc_sum_after"])) < 1e-12, "\(golden)")
          }
          if threads == 3 { density = copy }
        }
      }
    }
  }

  @Test func weightsAreTotalOverCountAndFilledBins() {
    var density = GradientDensity(bins: 3, momentum: 0)
    let expected: [Double] = [8 / 12.0, 0, 2]
    #expect(density.weights(counts: [6, 0, 2]) == expected)
    density = GradientDensity(bins: 3, momentum: 0.75)
    #expect(density.weights(counts: [4, 0, 0]) == [4, 0, 0])
    #expect(density.accumulated == [1, 0, 0])
  }
}
