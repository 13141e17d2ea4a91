import DenseLinearAlgebra
import DetectionHeads
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Against Kang et al.'s code and BAGS's use of it (`case_tau_norm_ncm_lws_1.json`).
@Suite struct TauNormalizationTests {
  @Test(arguments: ["0", "0.5", "0.7", "1", "2"]) func weightsMatchTheReference(tau: String) throws {
    try check(tau: tau, as: Double.self, tolerance: 1e-12)
    try check(tau: tau, as: Float.self, tolerance: 1e-5)
  }

  private func check<Scalar: DenseScalar>(tau: String, as scalar: Scalar.Type, tolerance: Double) throws {
    let golden = try #require(try GoldenCase.losses("case_tau_norm_ncm_lws_1.json").first)
    let all = try #require(golden.outputs["tau_norm"] as? [String: [String: Any]])
    let expected = try #require(all["tau_\(tau)"] ?? all["tau_\(tau).0"])
    let (weight, features) = (
      matrix(golden.inputs["weight"], columns: 9, as: scalar), matrix(golden.inputs["features"], columns: 9, as: scalar)
    )
    let value = try #require(Double(tau))
    let normalized = tauNormalized(weight, rows: 0..<20, tau: value)
    #expect(largestDifference(normalized.storage, numbers(expected["weights"])) < tolerance)
    let none = [Scalar](repeating: 0, count: 20)
    #expect(
      largestDifference(
        Matrix.linear(features, weight: normalized, bias: none).storage, numbers(expected["logits_no_bias"]))
        < tolerance)

    // BAGS: background's row and the biases stay.
    let kept = tauNormalized(weight, rows: 1..<20, tau: value)
    #expect(largestDifference(kept.storage, numbers(expected["bags_weights_row0_kept"])) < tolerance)
    let bias = numbers(golden.inputs["bias"]).map { Scalar($0) }
    #expect(
      largestDifference(
        Matrix.linear(features, weight: kept, bias: bias).storage, numbers(expected["bags_logits_with_bias"]))
        < tolerance)
  }

  @Test func aHeadKeepsBackgroundAndBiases() throws {
    let golden = try #require(try GoldenCase.losses("case_tau_norm_ncm_lws_1.json").first)
    let all = try #require(golden.outputs["tau_norm"] as? [String: [String: Any]])
    let groups = try CategoryGroups(
      counts: (0..<19).map { CategoryCount(id: $0, name: "\($0)", instances: $0, images: $0) })
    let head = try LinearHead(
      weight: matrix(golden.inputs["weight"], columns: 9, as: Float.self),
      bias: numbers(golden.inputs["bias"]).map { Float($0) }, layout: SoftmaxLayout(classCount: 19), groups: groups,
      method: "softmax")
    let normalized = try head.tauNormalized(tau: 0.7)
    let expected = numbers(all["tau_0.7"]?["bags_weights_row0_kept"])
    #expect(largestDifference(normalized.weight.storage, expected) < 1e-6)
    #expect(normalized.bias == head.bias && normalized.layout.name == "softmax")
    #expect(try head.tauNormalized(tau: 0).weight == head.weight)
  }

  /// The official code divides 0 by 0 there; the other rows are as it gives them.
  @Test func aRowOfZerosStays() throws {
    let golden = try #require(
      try GoldenCase.losses("case_tau_norm_ncm_lws_1.json").first { $0.label == "zero_weight_row" })
    let weight = matrix(golden.inputs["weight"], columns: 9, as: Double.self)
    let official = numbers(golden.outputs["weights_tau_0_5"])
    let normalized = tauNormalized(weight, rows: 0..<20, tau: 0.5).storage
    let isZero = (0..<20).map { row in weight.row(row).allSatisfy { $0 == 0 } }
    #expect(isZero.contains(true))
    for index in normalized.indices {
      if isZero[index / 9] {
        #expect(official[index].isNaN && normalized[index] == 0)
      } else {
        #expect(abs(normalized[index] - official[index]) < 1e-12)
      }
    }
  }

  @Test func refusesAGroupedHead() throws {
    let groups = try exampleGroups()
    var generator = SeededGenerator(seed: 0)
    let head = LinearHead(
      inputs: 3, layout: GroupedLayout(groups: groups), groups: groups, method: "bags", using: &generator)
    #expect(throws: LinearHeadError.self) { try head.tauNormalized(tau: 1) }
  }
}

/// A matrix from nested JSON arrays.
func matrix<Scalar: DenseScalar>(_ value: Any?, columns: Int, as scalar: Scalar.Type) -> Matrix<Scalar> {
  let values = numbers(value).map { Scalar($0) }
  return Matrix(rows: values.count / columns, columns: columns, values: values)
}
