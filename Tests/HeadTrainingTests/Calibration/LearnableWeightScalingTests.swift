import DenseLinearAlgebra
import DetectionHeads
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Against Kang et al.'s code (`case_tau_norm_ncm_lws_1.json`): logits scaled with their biases.
@Suite struct LearnableWeightScalingTests {
  @Test func foldedScalesGiveTheReferencesLogits() throws {
    let golden = try #require(try GoldenCase.losses("case_tau_norm_ncm_lws_1.json").first)
    let expected = try #require((golden.outputs["lws"] as? [String: [String: Any]])?["classifier_balancing"])
    let scales = numbers(golden.inputs["lws_scales"]).map { Float($0) }
    let groups = try CategoryGroups(
      counts: (0..<19).map { CategoryCount(id: $0, name: "\($0)", instances: $0, images: $0) })
    let scaled = try LinearHead(
      weight: matrix(golden.inputs["weight"], columns: 9, as: Float.self),
      bias: numbers(golden.inputs["bias"]).map { Float($0) }, layout: ScaledLayout(scales: scales), groups: groups,
      method: "softmax")
    let folded = try scaled.foldingScales()
    #expect(folded.layout.name == "softmax")
    let features = matrix(golden.inputs["features"], columns: 9, as: Float.self)
    let logits = Matrix.linear(features, weight: folded.weight, bias: folded.bias)
    #expect(largestDifference(logits.storage, numbers(expected["logits"])) < 1e-5)
    #expect(
      largestDifference(folded.scores(for: features).storage, scaled.scores(for: features).storage.map { Double($0) })
        < 1e-5)
  }

  /// The reference's gradient is that of ½ Σ (s z)².
  @Test func theGradientOfTheScalesMatchesTheReference() throws {
    let golden = try #require(try GoldenCase.losses("case_tau_norm_ncm_lws_1.json").first)
    let expected = try #require((golden.outputs["lws"] as? [String: [String: Any]])?["classifier_balancing"])
    let scales = numbers(golden.inputs["lws_scales"])
    let z = Matrix.linear(
      matrix(golden.inputs["features"], columns: 9, as: Double.self),
      weight: matrix(golden.inputs["weight"], columns: 9, as: Double.self), bias: numbers(golden.inputs["bias"]))
    var gradient = [Double](repeating: 0, count: scales.count)
    for row in 0..<z.rows {
      let logits = z.row(row)
      addScaleGradient(of: zip(logits, scales).map { $0 * $1 }, logits: logits, to: &gradient)
    }
    #expect(largestDifference(gradient, numbers(expected["grad_scales_of_half_sum_squares"])) < 1e-12)
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
    let gradient = loss(scales).1
    for index in scales.indices {
      var (above, below) = (scales, scales)
      above[index] += 1e-5
      below[index] -= 1e-5
      #expect(abs((loss(above).0 - loss(below).0) / 2e-5 - gradient[index]) < 1e-8)
    }
  }
}
