import DenseLinearAlgebra
import DetectionHeads
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Against Kang et al.'s code and BAGS's use of it (`case_tau_norm_ncm_lws_1.json`).
@Suite struct TauNormalizationTests {
  /// Every τ that the case has answers for.
  @Test func weightsMatchTheReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func weightsMatchTheReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_tau_norm_ncm_lws_1.json", having: ["tau_norm"]) {
      let weight = try golden.inputs.matrix("weight", as: scalar)
      let features = try golden.inputs.matrix("features", columns: weight.columns, as: scalar)
      let none = [Scalar](repeating: 0, count: weight.rows)
      let bias = try golden.inputs.numbers("bias", count: weight.rows).map { Scalar($0) }
      try forEachTau(golden) { tau, expected in
        func expect(_ found: Matrix<Scalar>, _ name: String) throws {
          let difference = try largestDifference(found.storage, expected.numbers(name))
          #expect(difference < tolerance, "\(golden) τ \(tau) \(name)")
        }
        let normalized = tauNormalized(weight, rows: 0..<weight.rows, tau: tau)
        try expect(normalized, "weights")
        try expect(Matrix.linear(features, weight: normalized, bias: none), "logits_no_bias")

        // BAGS: background's row and the biases stay.
        let kept = tauNormalized(weight, rows: 1..<weight.rows, tau: tau)
        try expect(kept, "bags_weights_row0_kept")
        try expect(Matrix.linear(features, weight: kept, bias: bias), "bags_logits_with_bias")
      }
    }
  }

  @Test func aHeadKeepsBackgroundAndBiases() throws {
    for golden in try GoldenCase.losses("case_tau_norm_ncm_lws_1.json", having: ["tau_norm"]) {
      let weight = try golden.inputs.matrix("weight", as: Float.self)
      let bias = try golden.inputs.numbers("bias", count: weight.rows).map { Float($0) }
      try #require(weight.rows > 1)
      let head = try LinearHead(
        weight: weight, bias: bias, layout: SoftmaxLayout(classCount: weight.rows - 1),
        groups: CategoryGroups(instances: Array(1..<weight.rows)), method: "softmax")
      try forEachTau(golden) { tau, expected in
        let normalized = try head.tauNormalized(tau: tau)
        let official = try expected.numbers("bags_weights_row0_kept")
        #expect(largestDifference(normalized.weight.storage, official) < 1e-6, "\(golden) τ \(tau)")
        #expect(normalized.bias == head.bias && normalized.layout.name == "softmax")
      }
      #expect(try head.tauNormalized(tau: 0).weight == head.weight)
    }
  }

  /// The official code divides 0 by 0 there; the other rows are as it gives them.
  @Test func aRowOfZerosStays() throws {
    for golden in try GoldenCase.losses("case_tau_norm_ncm_lws_1.json", having: ["weights_tau_0_5"]) {
      let weight = try golden.inputs.matrix("weight", as: Double.self)
      let official = try golden.outputs.matrix(
        "weights_tau_0_5", rows: weight.rows, columns: weight.columns, as: Double.self)
      let normalized = tauNormalized(weight, rows: 0..<weight.rows, tau: 0.5)
      let zero = (0..<weight.rows).filter { row in weight.row(row).allSatisfy { $0 == 0 } }
      let other = (0..<weight.rows).filter { !zero.contains($0) }
      #expect(!zero.isEmpty, "\(golden)")
      #expect(official.values(ofRows: zero).allSatisfy { $0.isNaN })
      #expect(normalized.values(ofRows: zero).allSatisfy { $0 == 0 })
      #expect(largestDifference(normalized.values(ofRows: other), official.values(ofRows: other)) < 1e-12, "\(golden)")
    }
  }

  /// Calls `body` for each entry `tau_…` of the outputs.
  private func forEachTau(_ golden: GoldenCase, _ body: (Double, GoldenValues) throws -> Void) throws {
    let all = try golden.outputs.object("tau_norm")
    try #require(!all.names.isEmpty)
    for name in all.names { try body(try #require(Double(name.dropFirst("tau_".count)), "\(name)"), all.object(name)) }
  }

  @Test func refusesAGroupedHead() throws {
    let groups = try exampleGroups()
    var generator = SeededGenerator(seed: 0)
    let head = LinearHead(
      inputs: 3, layout: GroupedLayout(groups: groups), groups: groups, method: "bags", using: &generator)
    #expect(throws: LinearHeadError.self) { try head.tauNormalized(tau: 1) }
  }
}
