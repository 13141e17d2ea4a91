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
    let cases = try GoldenCase.losses("case_ldam_1.json")
    #expect(cases.count == 5)
    // The case with a class without instances holds nan margins.
    for golden in cases where golden.label != "zero_count_class" {
      let counts = integers(golden.inputs["class_counts"])
      let margins = labelDistributionAwareMargins(counts: counts)
      #expect(largestDifference(margins, numbers(golden.outputs["margins"])) < 1e-12, "\(golden)")
      let targets = integers(golden.inputs["labels"]).map { Int32($0) }
      var weights: [Scalar]?
      if golden.inputs["class_weights"] != nil {
        let deferred = ClassWeights.effectiveNumber(counts: counts, beta: 0.9999, limits: nil)
        #expect(largestDifference(deferred, numbers(golden.inputs["class_weights"])) < 1e-11)
        weights = deferred.map { Scalar($0) }
      }
      let divisor = weights.map { weights in targets.reduce(0) { $0 + weights[Int($1)] } } ?? Scalar(targets.count)
      var values: [Scalar] = scalars(golden.inputs["logits"])
      let loss = marginCrossEntropy(
        cosines: &values, rows: 0..<targets.count, columns: counts.count, targets: targets,
        margins: margins.map { Scalar($0) }, scale: 30, weights: weights, divisor: divisor)
      let expected = numbers(golden.outputs["total_loss"])
      // A single class has the loss 0: the difference is then what is left of numbers of the size of s z.
      #expect(abs(loss - expected[0]) < tolerance * max(abs(expected[0]), 30), "\(golden)")
      #expect(largestDifference(values, numbers(golden.outputs["grad_logits"])) < tolerance, "\(golden)")
    }
  }

  @Test func aClassWithoutInstancesCountsAsOne() {
    let margins = labelDistributionAwareMargins(counts: [0, 16, 1])
    #expect(margins == [0.5, 0.25, 0.5])
  }

  @Test func gradientMatchesFiniteDifferences() {
    let targets: [Int32] = [0, 4, 2, 1]
    let margins = labelDistributionAwareMargins(counts: [1, 10, 100, 7, 3])
    expectGradient(at: randomLogits(20, seed: 5, scale: 0.2), tolerance: 1e-6) { cosines in
      marginCrossEntropy(
        cosines: &cosines, rows: 0..<4, columns: 5, targets: targets, margins: margins, scale: 10,
        weights: [1, 2, 0.5, 1, 3], divisor: 4)
    }
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
