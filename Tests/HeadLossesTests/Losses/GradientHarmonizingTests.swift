import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Against GHM_Detection (`case_ghm_c_1.json`), batches one after another with the counts that they leave.
@Suite struct GradientHarmonizingTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_ghm_c_1.json") {
      var density = GradientDensity(
        bins: try golden.hyperparameters.integer("bins", in: 1...100),
        momentum: try golden.hyperparameters.number("momentum", in: 0...1))
      let inputs = try golden.inputs.objects("batches")
      for (input, output) in zip(inputs, try golden.outputs.objects("batches", count: inputs.count)) {
        let logits = try input.matrix("logits", as: scalar)
        let columns = logits.columns
        let labels = try input.labels(count: logits.rows, classCount: columns, background: .last)
        let kept = try input.weightedRows(count: logits.rows)
        for threads in [1, 3] {
          var copy = density
          var values = logits.values(ofRows: kept)
          let loss = harmonizedLoss(
            logits: &values, rows: kept.count, columns: columns, targets: kept.map { labels[$0] }, density: &copy,
            threads: threads)
          #expect(try relativeDifference(loss, output.number("loss")) < tolerance, "\(golden)")
          let gradient = scattered(values, toRows: kept, of: logits.rows, columns: columns)
          #expect(try largestDifference(gradient, output.numbers("grad_logits")) < tolerance, "\(golden)")
          // Without momentum the reference keeps none.
          if density.momentum > 0 {
            #expect(try largestDifference(copy.accumulated, output.numbers("acc_sum_after")) < 1e-12, "\(golden)")
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
