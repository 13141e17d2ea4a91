import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

@Suite struct LogitAdjustmentTests {
  @Test func adjustmentMatchesReferenceInDouble() throws { try checkAdjustment(as: Double.self, tolerance: 1e-12) }
  @Test func adjustmentMatchesReferenceInFloat() throws { try checkAdjustment(as: Float.self, tolerance: 1e-5) }
  @Test func balancedSoftmaxMatchesReferenceInDouble() throws { try checkBalanced(as: Double.self, tolerance: 1e-12) }
  @Test func balancedSoftmaxMatchesReferenceInFloat() throws { try checkBalanced(as: Float.self, tolerance: 1e-5) }

  private func checkAdjustment<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    // A label without instances has what log 1e-12 gives in the reference; ours counts it as one instance.
    for golden in try casesWithoutZeros("case_logit_adjustment_1.json") {
      let tau = try golden.hyperparameters.number("tau")
      let adjustment = logitAdjustment(counts: try golden.inputs.integers("class_counts"), tau: tau)
      #expect(try largestDifference(adjustment, golden.outputs.numbers("adjustment")) < 1e-12, "\(golden)")
      try check(golden, adjustment: adjustment.map { Scalar($0) }, tolerance: tolerance)
    }
  }

  private func checkBalanced<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try casesWithoutZeros("case_balanced_softmax_1.json") {
      let adjustment = balancedSoftmaxAdjustment(counts: try golden.inputs.integers("class_counts"))
      try check(golden, adjustment: adjustment.map { Scalar($0) }, tolerance: tolerance)
    }
  }

  private func casesWithoutZeros(_ file: String) throws -> [GoldenCase] {
    try GoldenCase.losses(file, having: ["class_counts"]) { try !$0.inputs.integers("class_counts").contains(0) }
  }

  private func check<Scalar: DenseScalar>(_ golden: GoldenCase, adjustment: [Scalar], tolerance: Double) throws {
    let logits = try golden.inputs.matrix("logits", columns: adjustment.count, as: Scalar.self)
    let targets = try golden.inputs.labels(count: logits.rows, classCount: adjustment.count, background: .none)
    var values = logits.storage
    let loss = softmaxCrossEntropy(
      logits: &values, rows: 0..<targets.count, columns: adjustment.count, targets: targets, adjustment: adjustment,
      divisor: Scalar(targets.count))
    #expect(try relativeDifference(loss, golden.outputs.number("total_loss")) < tolerance, "\(golden)")
    #expect(try largestDifference(values, golden.outputs.numbers("grad_logits")) < tolerance, "\(golden)")
  }

  @Test func aClassWithoutInstancesCountsAsOne() {
    #expect(balancedSoftmaxAdjustment(counts: [0, 1, 8]) == balancedSoftmaxAdjustment(counts: [1, 1, 8]))
    #expect(logitAdjustment(counts: [0, 1, 8]) == logitAdjustment(counts: [1, 1, 8]))
  }

  /// τ = 1 is balanced softmax, whose adjustment differs by a constant; so is the gradient then.
  @Test func withTauOneItIsBalancedSoftmax() throws {
    let counts = [3, 500, 40, 9]
    let a = logitAdjustment(counts: counts)
    let b = balancedSoftmaxAdjustment(counts: counts)
    for index in counts.indices { #expect(abs(a[index] - b[index] - (a[0] - b[0])) < 1e-8) }
    // With background too.
    let data = MethodData(groups: try exampleGroups(), imageCount: 100)
    var adjusted = try #require(
      TrainingMethod.logitAdjustment.objective(data, try MethodParameters(of: TrainingMethod.logitAdjustment))
        as? SoftmaxObjective)
    var balanced = try #require(
      TrainingMethod.balancedSoftmax.objective(data, try MethodParameters(of: TrainingMethod.balancedSoftmax))
        as? SoftmaxObjective)
    let logits = randomLogits(3 * 9, seed: 2).map { Float($0) }
    let first = try evaluate(&adjusted, logits: logits, labels: [-1, 0, 5])
    let second = try evaluate(&balanced, logits: logits, labels: [-1, 0, 5])
    #expect(largestDifference(first.gradient, second.gradient.map { Double($0) }) < 1e-5)
  }

  @Test func gradientMatchesFiniteDifferences() {
    let adjustment = balancedSoftmaxAdjustment(counts: [1, 10, 100, 7, 3])
    let targets: [Int32] = [0, 4, 2, 1]
    let error = gradientError(at: randomLogits(20, seed: 5)) { logits in
      softmaxCrossEntropy(
        logits: &logits, rows: 0..<4, columns: 5, targets: targets, adjustment: adjustment,
        weights: [1, 2, 0.5, 1, 3], divisor: 4)
    }
    #expect(error < 1e-7)
  }
}
