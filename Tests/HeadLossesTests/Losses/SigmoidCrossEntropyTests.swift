import DenseLinearAlgebra
import DetectionHeads
import Foundation
import HeadLosses
import TestSupport
import Testing

@Suite struct SigmoidCrossEntropyTests {
  @Test func matchesReferencesInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesReferencesInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_sigmoid_bce_1.json") {
      let logits = try golden.inputs.matrix("logits", as: scalar)
      let columns = logits.columns
      let labels = try golden.inputs.labels(count: logits.rows, classCount: columns, background: .last)
      let ones = [Scalar](repeating: 1, count: columns)

      var values = logits.storage
      let loss = binaryCrossEntropy(
        logits: &values, rows: 0..<labels.count, columns: columns, targets: labels, negativeWeights: ones,
        positiveWeights: ones, divisor: Scalar(labels.count))
      let outputs = golden.outputs
      #expect(try relativeDifference(loss, outputs.number("detectron2_sum_over_N_loss")) < tolerance, "\(golden)")
      let gradient = try outputs.numbers("detectron2_grad_first_C_logits")
      #expect(largestDifference(values, gradient) < tolerance, "\(golden)")

      // mmdetection 1 multiplies rows by their weight and divides by avg_factor.
      let factor = try golden.inputs.number("avg_factor", in: 1...1e9)
      values = logits.storage
      var weighted = 0.0
      for (row, weight) in try golden.inputs.numbers("label_weights", count: labels.count).enumerated() {
        let w = [Scalar](repeating: Scalar(weight), count: columns)
        weighted += binaryCrossEntropy(
          logits: &values, rows: row..<row + 1, columns: columns, targets: labels, negativeWeights: w,
          positiveWeights: w, divisor: Scalar(factor))
      }
      #expect(try relativeDifference(weighted, outputs.number("mmdet1_avg_factor_loss")) < tolerance, "\(golden)")
      let weightedGradient = try outputs.numbers("mmdet1_avg_factor_grad_logits")
      #expect(largestDifference(values, weightedGradient) < tolerance, "\(golden)")
    }
  }

  @Test func gradientMatchesFiniteDifferences() {
    let targets: [Int32] = [1, -1, 4]
    let error = gradientError(at: randomLogits(15, seed: 3)) { logits in
      binaryCrossEntropy(
        logits: &logits, rows: 0..<3, columns: 5, targets: targets, negativeWeights: [1, 2, 0, 0.5, 1],
        positiveWeights: [1, 3, 1, 1, 0.25], divisor: 3)
    }
    #expect(error < 1e-7)
  }

  /// Balanced cross-entropy is focal loss with γ = 0, divided by the foreground RoIs.
  @Test func balancedIsFocalWithoutFocus() throws {
    var balanced = SigmoidObjective(classCount: 4, negativeWeight: 0.75, positiveWeight: 0.25, divisor: .foreground)
    var focal = FocalObjective(classCount: 4, alpha: 0.25, gamma: 0)
    let logits = randomLogits(20, seed: 6).map { Float($0) }
    let labels: [Int32] = [-1, 3, 0, -1, 1]
    let a = try evaluate(&balanced, logits: logits, labels: labels)
    let b = try evaluate(&focal, logits: logits, labels: labels)
    #expect(abs(a.loss - b.loss) < 1e-6 * b.loss)
    #expect(largestDifference(a.gradient, b.gradient.map { Double($0) }) < 1e-6)
  }

  /// The weights of a user: of positives by class, as torch's `pos_weight`, and of all that a background RoI adds.
  @Test func classWeightsAreOfPositivesAndOfBackground() throws {
    let logits = randomLogits(12, seed: 8).map { Float($0) }
    let labels: [Int32] = [2, -1, 0]
    var objective = SigmoidObjective(classCount: 4, classWeights: [0.5, 3, 1, 0.25, 1])
    let found = try evaluate(&objective, logits: logits, labels: labels)
    var expected = 0.0
    var gradient: [Double] = []
    for (index, z) in logits.map({ Double($0) }).enumerated() {
      let (row, column) = (index / 4, index % 4)
      let sigma = 1 / (1 + exp(-z))
      let isPositive = labels[row] == Int32(column)
      let weight = isPositive ? [3, 1, 0.25, 1][column] : row == 1 ? 0.5 : 1
      expected -= weight * log(isPositive ? sigma : 1 - sigma) / 3
      gradient.append(weight * (isPositive ? sigma - 1 : sigma) / 3)
    }
    #expect(abs(found.loss - expected) < 1e-5 * expected)
    #expect(largestDifference(found.gradient, gradient) < 1e-6)
  }

  @Test func priorIsTheScoreOfAZeroFeature() throws {
    let groups = try exampleGroups()
    var generator = SeededGenerator(seed: 1)
    let objective = FocalObjective(classCount: 8, prior: 0.01)
    var head = LinearHead(inputs: 3, layout: objective.layout, groups: groups, method: "focal", using: &generator)
    (objective as? any HeadInitializingObjective)?.initialize(&head)
    let scores = head.scores(for: Matrix(rows: 1, columns: 3))
    #expect(scores.storage.allSatisfy { abs($0 - 0.01) < 1e-6 })
  }
}
