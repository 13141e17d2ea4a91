import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import TestSupport
import Testing

/// Against the authors' files (`case_bacl_1.json`), batches one after another with the confusion that they leave.
@Suite struct BalancedClassificationTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-10) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_bacl_1.json", having: ["batches"]) {
      let inputs = try golden.inputs.objects("batches")
      let classCount = try inputs[0].matrix("logits", as: scalar).columns - 1
      try #require(classCount > 0)
      var confusion = ForegroundConfusion(classCount: classCount)
      let isMasked = golden.hyperparameters.flag("reweight") == true
      for (input, output) in zip(inputs, try golden.outputs.objects("batches", count: inputs.count)) {
        let logits = try input.matrix("logits", columns: classCount + 1, as: scalar)
        let labels = try input.labels(count: logits.rows, classCount: classCount, background: .last)
        func expect<Number: BinaryFloatingPoint>(_ found: [Number], _ name: String) throws {
          #expect(try largestDifference(found, output.numbers(name)) < tolerance, "\(golden) \(name)")
        }
        var values = logits.storage
        let loss = foregroundBalanceLoss(
          logits: &values, rows: 0..<logits.rows, labels: labels, confusion: confusion,
          strength: try golden.hyperparameters.number("alpha"),
          leastScore: isMasked ? try golden.hyperparameters.number("prob_thr") : nil, divisor: Scalar(logits.rows))
        confusion.add(logits: logits.storage, columns: classCount + 1, labels: labels)
        try expect([loss], "loss")
        try expect(values, "grad_logits")
        try expect(confusion.sums, "cm_numerator_after")
        try expect(confusion.counts, "num_gt_after")

        values = logits.storage
        var scores = [Scalar](repeating: 0, count: logits.rows * classCount)
        SigmoidLayout(classCount: classCount, background: .objectness)
          .sigmoidScores(logits: &values, count: logits.rows, into: &scores)
        let expected = try output.matrix("activation_scores", columns: classCount + 1, as: Double.self)
        #expect(largestDifference(scores, expected.selecting(columns: 0..<classCount).storage) < tolerance, "\(golden)")
      }
    }
  }

  /// The running Gaussians, the classes that given numbers fall on, and the features that given normal numbers make.
  @Test func hallucinationMatchesTheReference() throws {
    for golden in try GoldenCase.losses("case_bacl_1.json", having: ["feature_batches"]) {
      let accuracies = try golden.inputs.numbers("accuracies")
      var gaussians = FeatureGaussians(classCount: accuracies.count)
      gaussians.decay = try golden.hyperparameters.number("decay_ratio")
      for batch in try golden.inputs.objects("feature_batches") {
        let features = try batch.matrix("features", as: Double.self)
        let labels = try batch.labels(count: features.rows, classCount: accuracies.count, background: .none)
        gaussians.add(features: features.storage, width: features.columns, labels: labels)
      }
      #expect(try largestDifference(gaussians.means, golden.outputs.numbers("means")) < 1e-12)
      #expect(try largestDifference(gaussians.variances, golden.outputs.numbers("variances")) < 1e-12)
      #expect(try gaussians.isKnown == golden.outputs.numbers("used"))
      let classes = mistakenClasses(accuracies: accuracies, numbers: try golden.inputs.numbers("numbers"))
      #expect(try classes == golden.outputs.integers("sampled_classes"))

      let count = try golden.hyperparameters.integer("sampled_num_features", in: 1...100)
      let drawn = classes.filter { gaussians.isKnown[$0] > 0 }.flatMap { Array(repeating: $0, count: count) }
      #expect(try drawn == golden.outputs.integers("hallucinated_labels"))
      #expect(drawn.count < classes.count * count, "the case has a class without features")
      let normals = try golden.inputs.matrix("normals", rows: drawn.count, columns: gaussians.width, as: Double.self)
      let found = drawn.indices.flatMap { gaussians.feature(of: drawn[$0], normals: Array(normals.row($0))) }
      #expect(try largestDifference(found, golden.outputs.numbers("hallucinated")) < 1e-12)
    }
  }

  @Test func addsFeaturesOfClassesThatItHasSeen() throws {
    var objective = BalancedClassificationObjective(classCount: 5)
    var generator = SeededGenerator(seed: 1)
    let features = randomLogits(18, seed: 3).map { Float($0) }
    let added = objective.moreFeatures(than: features, width: 3, labels: [0, -1, 3, 3, -1, 0], using: &generator)
    #expect(added.features.count == 3 * added.labels.count && added.features.allSatisfy { $0.isFinite })
    #expect(!added.labels.isEmpty && added.labels.allSatisfy { [0, 3].contains($0) })
    #expect(added.labels.count % 12 == 0 && added.labels.count <= 96)
    objective.drawnClasses = 0
    #expect(objective.moreFeatures(than: features, width: 3, labels: [0], using: &generator).labels.isEmpty)
    // Every class always right: none is mistaken.
    #expect(mistakenClasses(accuracies: [1, 1], numbers: [0.2]).isEmpty)
  }

  /// What is learnt comes back from a checkpoint, and another method's does not.
  @Test func restoresWhatItHasLearnt() throws {
    var objective = BalancedClassificationObjective(classCount: 4)
    let fresh = objective
    var generator = SeededGenerator(seed: 1)
    _ = objective.moreFeatures(
      than: randomLogits(6, seed: 3).map { Float($0) }, width: 3, labels: [2, -1], using: &generator)
    var restored = fresh
    try restored.restore(state: objective.state)
    #expect(restored.gaussians == objective.gaussians && restored.confusion == objective.confusion)
    try restored.restore(state: fresh.state)
    #expect(restored.gaussians == fresh.gaussians)
    #expect(throws: TrainingError.self) { try restored.restore(state: ["seen": [1, 2, 3, 4]]) }
    var broken = objective.state
    broken["means"] = [1, 2, 3]
    #expect(throws: TrainingError.self) { try restored.restore(state: broken) }
  }
}
