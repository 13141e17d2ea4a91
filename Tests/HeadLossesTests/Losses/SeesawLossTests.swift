import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import TestSupport
import Testing

/// Against mmdetection (`case_seesaw_1.json`), batches one after another with the counts that they leave.
@Suite struct SeesawLossTests {
  // mmdetection divides by avg_factor + 1.2e-7, which the golden values contain.
  @Test func matchesMMDetectionInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesMMDetectionInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_seesaw_1.json") {
      let seen = try golden.inputs.numbers("initial_cum_samples").dropLast()
      let classCount = seen.count
      var seesaw = SeesawLoss(classCount: classCount)
      seesaw.seen = Array(seen)
      seesaw.mitigation = try golden.hyperparameters.number("p")
      seesaw.compensation = try golden.hyperparameters.number("q")
      seesaw.leastScore = try golden.hyperparameters.number("eps")
      let inputs = try golden.inputs.objects("batches")
      for (input, output) in zip(inputs, try golden.outputs.objects("batches", count: inputs.count)) {
        let columns = classCount + 2
        let matrix = try input.matrix("logits", columns: columns, as: scalar)
        let count = matrix.rows
        let all = try input.labels(count: count, classCount: classCount, background: .last)
        let kept = try input.weightedRows(count: count)
        let labels = kept.map { all[$0] }
        let foregroundRows = kept.filter { all[$0] >= 0 }
        // mmdetection counts the labels of all rows, with weight or without.
        seesaw.count(labels: all)
        #expect(try seesaw.seen == output.numbers("cum_samples_after").dropLast())

        var classes = matrix.selecting(columns: 0..<classCount).values(ofRows: foregroundRows)
        let factor = input.has("avg_factor") ? try input.number("avg_factor") + 1.1920928955078125e-07 : nil
        let loss = seesaw.classLoss(
          logits: &classes, rows: 0..<foregroundRows.count, targets: foregroundRows.map { all[$0] },
          divisor: Scalar(factor ?? Double(max(1, foregroundRows.count))))
        #expect(try abs(loss - output.number("loss_cls_classes")) < tolerance * max(1, loss), "\(golden)")

        var objectness = matrix.selecting(columns: classCount..<columns).values(ofRows: kept)
        let objectnessLoss = softmaxCrossEntropy(
          logits: &objectness, rows: 0..<kept.count, columns: 2, targets: labels.map { $0 >= 0 ? 0 : 1 },
          divisor: Scalar(factor ?? Double(max(1, kept.count))))
        #expect(
          try relativeDifference(objectnessLoss, output.number("loss_cls_objectness")) < tolerance, "\(golden)")

        let classGradient = scattered(classes, toRows: foregroundRows, of: count, columns: classCount)
        let objectnessGradient = scattered(objectness, toRows: kept, of: count, columns: 2)
        let expected = try output.matrix("grad_logits", rows: count, columns: columns, as: Double.self)
        var gradient: [Scalar] = []
        for row in 0..<count {
          gradient += classGradient[row * classCount..<(row + 1) * classCount]
          gradient += objectnessGradient[2 * row..<2 * row + 2]
        }
        #expect(largestDifference(gradient, expected.storage) < tolerance, "\(golden)")

        var logits = matrix.storage
        var scores = [Scalar](repeating: 0, count: count * classCount)
        SeesawLayout(classCount: classCount).seesawScores(logits: &logits, count: count, into: &scores)
        let activation = try output.matrix("activation_scores", rows: count, columns: classCount + 1, as: Double.self)
        let foreground = activation.selecting(columns: 0..<classCount).storage
        #expect(largestDifference(scores, foreground) < tolerance, "\(golden)")
      }
    }
  }

  @Test func objectiveAsksForTheClassesOfForegroundAlone() throws {
    var objective = SeesawObjective(SeesawLoss(classCount: 3))
    var generator = SeededGenerator(seed: 0)
    let blocks = objective.blocks(labels: [-1, 2, -1, 0], using: &generator)
    #expect(blocks.map(\.logits) == [3..<5, 0..<3] && blocks.map(\.rows) == [nil, [1, 3]])
    #expect(objective.blocks(labels: [-1], using: &generator).map(\.logits) == [3..<5])
    #expect(objective.state == ["seen": [1, 0, 1]])
  }

  /// Without the factors, which carry no gradient, it is a cross-entropy.
  @Test func gradientMatchesFiniteDifferences() {
    var seesaw = SeesawLoss(classCount: 5)
    seesaw.seen = [100, 3, 20, 1, 0]
    seesaw.compensation = 0
    let error = gradientError(at: randomLogits(15, seed: 7)) { logits in
      seesaw.classLoss(logits: &logits, rows: 0..<3, targets: [0, 3, 1], divisor: 3)
    }
    #expect(error < 1e-7)
  }
}
