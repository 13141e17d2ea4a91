import DenseLinearAlgebra
import HeadLosses
import TestSupport
import Testing

/// Against detectron2 (`case_federated_1.json`), with the classes that it drew.
@Suite struct FederatedLossTests {
  @Test func matchesDetectron2InDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesDetectron2InFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_federated_1.json") {
      let logits = try golden.inputs.matrix("logits", as: scalar)
      let (count, columns) = (logits.rows, logits.columns - 1)
      let mask = try golden.outputs.numbers("class_mask", count: columns).map { Scalar($0) }
      let labels = try golden.inputs.labels(count: count, classCount: columns, background: .last)
      var values = logits.selecting(columns: 0..<columns).storage
      let loss = binaryCrossEntropy(
        logits: &values, rows: 0..<count, columns: columns, targets: labels, negativeWeights: mask,
        positiveWeights: [Scalar](repeating: 1, count: columns), divisor: Scalar(count))
      #expect(try relativeDifference(loss, golden.outputs.number("total_loss")) < tolerance, "\(golden)")
      let expected = try golden.outputs.matrix("grad_logits", rows: count, columns: columns + 1, as: Double.self)
      #expect(largestDifference(values, expected.selecting(columns: 0..<columns).storage) < tolerance, "\(golden)")
    }
  }

  @Test func takesAsManyClassesAsDetectron2() throws {
    var generator = SeededGenerator(seed: 1)
    for golden in try GoldenCase.losses("case_federated_1.json") {
      let mask = try golden.outputs.integers("class_mask", in: 0...1)
      let labels = try golden.inputs.labels(classCount: mask.count, background: .last)
      let taken = federatedClasses(
        labels: labels, weights: try golden.inputs.numbers("sampling_weights", count: mask.count),
        count: try golden.hyperparameters.integer("fed_loss_num_classes", in: 0...1_000_000), using: &generator)
      #expect(taken.count { $0 } == mask.reduce(0, +), "\(golden)")
      for label in labels where label >= 0 { #expect(taken[Int(label)]) }
    }
  }

  /// Without replacement and ∝ weight: of three classes of weights 1, 2, 4 two are drawn. P(first not drawn) is the sum
  /// over the two orders of the others.
  @Test func drawsByWeight() {
    var generator = SeededGenerator(seed: 2)
    var drawn = [0, 0, 0]
    let rounds = 20_000
    for _ in 0..<rounds {
      let taken = federatedClasses(labels: [], weights: [1, 2, 4], count: 2, using: &generator)
      for index in 0..<3 where taken[index] { drawn[index] += 1 }
    }
    let missing = [
      2.0 / 7 * 4 / 5 + 4.0 / 7 * 2 / 3, 1.0 / 7 * 4 / 6 + 4.0 / 7 * 1 / 3, 1.0 / 7 * 2 / 6 + 2.0 / 7 * 1 / 5,
    ]
    for (count, share) in zip(drawn, missing) {
      let expected = Double(rounds) * (1 - share)
      #expect(abs(Double(count) - expected) < 5 * (expected * share).squareRoot())
    }
  }

  @Test func theBackgroundLogitIsNotTrained() throws {
    var objective = FederatedObjective(imageCounts: [1, 10, 100], count: 2)
    let result = try evaluate(&objective, logits: randomLogits(8, seed: 1).map { Float($0) }, labels: [-1, 2])
    #expect(result.gradient[3] == 0 && result.gradient[7] == 0 && result.gradient[2] != 0)
    #expect(objective.layout.logitCount == 4 && objective.layout.backgroundLogits == [3])
  }
}
