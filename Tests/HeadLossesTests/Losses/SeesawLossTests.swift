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
    let cases = try GoldenCase.losses("case_seesaw_1.json")
    #expect(cases.count == 7)
    for golden in cases {
      let seen = numbers(golden.inputs["initial_cum_samples"]).dropLast()
      let classCount = seen.count
      var seesaw = SeesawLoss(classCount: classCount)
      seesaw.seen = Array(seen)
      seesaw.mitigation = try #require(numbers(golden.hyperparameters["p"]).first)
      seesaw.compensation = try #require(numbers(golden.hyperparameters["q"]).first)
      let outputs = objects(golden.outputs["batches"])
      for (input, output) in zip(objects(golden.inputs["batches"]), outputs) {
        let all = labelsWithBackgroundLast(input["labels"], classCount: classCount)
        let kept = weightedRows(input["label_weights"])
        let labels = kept.map { all[$0] }
        let foreground = kept.indices.filter { labels[$0] >= 0 }
        // mmdetection counts the labels of all rows, with weight or without.
        seesaw.count(labels: all)
        #expect(seesaw.seen == numbers(output["cum_samples_after"]).dropLast())

        let values = rows(kept, of: scalars(input["logits"], as: Scalar.self), columns: classCount + 2)
        let columns = classCount + 2
        var classes: [Scalar] = []
        for row in foreground { classes += values[row * columns..<row * columns + classCount] }
        let factor = numbers(input["avg_factor"]).first.map { $0 + 1.1920928955078125e-07 }
        let divisor = Scalar(factor ?? Double(max(1, foreground.count)))
        let loss = seesaw.classLoss(
          logits: &classes, rows: 0..<foreground.count, targets: foreground.map { labels[$0] }, divisor: divisor)
        #expect(abs(loss - numbers(output["loss_cls_classes"])[0]) < tolerance * max(1, loss), "\(golden)")

        var objectness: [Scalar] = []
        for row in kept.indices { objectness += values[row * columns + classCount..<(row + 1) * columns] }
        let objectnessLoss = softmaxCrossEntropy(
          logits: &objectness, rows: 0..<kept.count, columns: 2, targets: labels.map { $0 >= 0 ? 0 : 1 },
          divisor: Scalar(factor ?? Double(kept.count)))
        #expect(
          largestDifference([objectnessLoss], numbers(output["loss_cls_objectness"])) < tolerance, "\(golden)")

        var gradient = [Double](repeating: 0, count: all.count * (classCount + 2))
        for (position, row) in foreground.enumerated() {
          for column in 0..<classCount {
            gradient[kept[row] * (classCount + 2) + column] = Double(classes[position * classCount + column])
          }
        }
        for (position, row) in kept.enumerated() {
          for column in 0..<2 {
            gradient[row * (classCount + 2) + classCount + column] = Double(objectness[position * 2 + column])
          }
        }
        #expect(largestDifference(gradient, numbers(output["grad_logits"])) < tolerance, "\(golden)")

        var logits: [Scalar] = scalars(input["logits"])
        var scores = [Scalar](repeating: 0, count: all.count * classCount)
        SeesawLayout(classCount: classCount).seesawScores(logits: &logits, count: all.count, into: &scores)
        let expected = withoutLastColumn(numbers(output["activation_scores"]), columns: classCount + 1)
        #expect(largestDifference(scores, expected) < tolerance, "\(golden)")
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
    expectGradient(at: randomLogits(15, seed: 7)) { logits in
      seesaw.classLoss(logits: &logits, rows: 0..<3, targets: [0, 3, 1], divisor: 3)
    }
  }
}

/// A matrix without its last column.
func withoutLastColumn(_ values: [Double], columns: Int) -> [Double] {
  values.indices.filter { $0 % columns != columns - 1 }.map { values[$0] }
}
