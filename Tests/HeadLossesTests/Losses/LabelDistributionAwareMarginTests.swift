import DenseLinearAlgebra
import FeatureSets
import HeadLosses
import TestSupport
import Testing

/// Against LDAM-DRW (`case_ldam_1.json`).
@Suite struct LabelDistributionAwareMarginTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    // A case with a class without instances holds nan margins.
    let cases = try GoldenCase.losses("case_ldam_1.json") { try !$0.inputs.integers("class_counts").contains(0) }
    for golden in cases {
      let counts = try golden.inputs.integers("class_counts")
      let margins = labelDistributionAwareMargins(
        counts: counts, largest: try golden.hyperparameters.number("max_m"))
      #expect(try largestDifference(margins, golden.outputs.numbers("margins")) < 1e-12, "\(golden)")
      let cosines = try golden.inputs.matrix("logits", columns: counts.count, as: scalar)
      let targets = try golden.inputs.labels(count: cosines.rows, classCount: counts.count, background: .none)
      var weights: [Scalar]?
      if golden.inputs.has("class_weights") {
        let deferred = ClassWeights.effectiveNumber(
          counts: counts, beta: try golden.hyperparameters.number("beta"), limits: nil)
        #expect(try largestDifference(deferred, golden.inputs.numbers("class_weights")) < 1e-11, "\(golden)")
        weights = deferred.map { Scalar($0) }
      }
      let divisor = weights.map { weights in targets.reduce(0) { $0 + weights[Int($1)] } } ?? Scalar(targets.count)
      let scale = try golden.hyperparameters.number("s")
      var values = cosines.storage
      let loss = marginCrossEntropy(
        cosines: &values, rows: 0..<targets.count, columns: counts.count, targets: targets,
        margins: margins.map { Scalar($0) }, scale: Scalar(scale), weights: weights, divisor: divisor)
      let expected = try golden.outputs.number("total_loss")
      // A single class has the loss 0: the difference is then what is left of numbers of the size of s z.
      #expect(abs(loss - expected) < tolerance * max(abs(expected), scale), "\(golden)")
      #expect(try largestDifference(values, golden.outputs.numbers("grad_logits")) < tolerance, "\(golden)")
    }
  }

  @Test func aClassWithoutInstancesCountsAsOne() {
    let margins = labelDistributionAwareMargins(counts: [0, 16, 1])
    #expect(margins == [0.5, 0.25, 0.5])
  }

  @Test func gradientMatchesFiniteDifferences() {
    let targets: [Int32] = [0, 4, 2, 1]
    let margins = labelDistributionAwareMargins(counts: [1, 10, 100, 7, 3])
    let error = gradientError(at: randomLogits(20, seed: 5, scale: 0.2)) { cosines in
      marginCrossEntropy(
        cosines: &cosines, rows: 0..<4, columns: 5, targets: targets, margins: margins, scale: 10,
        weights: [1, 2, 0.5, 1, 3], divisor: 4)
    }
    #expect(error < 1e-6)
  }

  @Test func weightsComeLate() throws {
    var objective = MarginObjective(counts: [1, 1000], deferredEpoch: 2)
    let source = RoIArrays(features: [0], featureCount: 1, labels: [0], roisPerImage: [1])
    let logits: [Float] = [0.1, -0.3, 0.2, 0.5, 0.5, -0.5]
    var gradients: [[Float]] = []
    for epoch in 0..<3 {
      objective.prepare(for: BatchContext(epoch: epoch, rois: RoIBatch(images: [], of: source), source: source))
      gradients.append(try evaluate(&objective, logits: logits, labels: [0, 1]).gradient)
    }
    #expect(gradients[0] == gradients[1] && gradients[1] != gradients[2])
  }
}
