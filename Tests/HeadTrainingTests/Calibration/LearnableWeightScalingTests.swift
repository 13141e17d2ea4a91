import DenseLinearAlgebra
import DetectionHeads
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Against Kang et al.'s code (`case_tau_norm_ncm_lws_1.json`): logits scaled with their biases.
@Suite struct LearnableWeightScalingTests {
  @Test func foldedScalesGiveTheReferencesLogits() throws {
    for golden in try GoldenCase.losses("case_tau_norm_ncm_lws_1.json", having: ["lws"]) {
      let expected = try golden.outputs.object("lws").object("classifier_balancing")
      let weight = try golden.inputs.matrix("weight", as: Float.self)
      let bias = try golden.inputs.numbers("bias", count: weight.rows).map { Float($0) }
      let scales = try golden.inputs.numbers("lws_scales", count: weight.rows).map { Float($0) }
      let groups = try CategoryGroups(instances: Array(1..<weight.rows))
      let scaled = try LinearHead(
        weight: weight, bias: bias, layout: ScaledLayout(scales: scales), groups: groups, method: "softmax")
      let folded = try scaled.foldingScales()
      #expect(folded.layout.name == "softmax")
      let features = try golden.inputs.matrix("features", columns: weight.columns, as: Float.self)
      let logits = Matrix.linear(features, weight: folded.weight, bias: folded.bias)
      #expect(try largestDifference(logits.storage, expected.numbers("logits")) < 1e-5, "\(golden)")
      let (found, before) = (folded.scores(for: features), scaled.scores(for: features))
      #expect(largestDifference(found.storage, before.storage) < 1e-5, "\(golden)")
    }
  }

  /// The reference's gradient is that of ½ Σ (s z)².
  @Test func theGradientOfTheScalesMatchesTheReference() throws {
    for golden in try GoldenCase.losses("case_tau_norm_ncm_lws_1.json", having: ["lws"]) {
      let expected = try golden.outputs.object("lws").object("classifier_balancing")
      let weight = try golden.inputs.matrix("weight", as: Double.self)
      let scales = try golden.inputs.numbers("lws_scales", count: weight.rows)
      let z = Matrix.linear(
        try golden.inputs.matrix("features", columns: weight.columns), weight: weight,
        bias: try golden.inputs.numbers("bias", count: weight.rows))
      var gradient = [Double](repeating: 0, count: scales.count)
      for row in 0..<z.rows {
        let logits = z.row(row)
        addScaleGradient(of: zip(logits, scales).map { $0 * $1 }, logits: logits, to: &gradient)
      }
      let official = try expected.numbers("grad_scales_of_half_sum_squares")
      #expect(largestDifference(gradient, official) < 1e-12, "\(golden)")
    }
  }

  @Test func theGradientOfTheLossMatchesFiniteDifferences() {
    let logits = randomLogits(24, seed: 3, scale: 2)
    let targets: [Int32] = [0, 3, 1, 1]
    func loss(_ scales: [Double]) -> (Double, [Double]) {
      var copy = logits
      var gradient = [Double](repeating: 0, count: 6)
      let value = scaledCrossEntropy(
        logits: &copy, rows: 0..<4, targets: targets, scales: scales, divisor: 4, gradient: &gradient)
      return (value, gradient)
    }
    let scales = [1, 0.5, 2, 1.5, -0.3, 0]
    #expect(gradientError(loss(scales).1, at: scales) { loss($0).0 } < 1e-7)
  }
}
