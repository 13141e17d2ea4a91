import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

@Suite struct CosineProductsTests {
  /// The weight's gradient through the normalised layer, seen in one step of the trainer, against central differences.
  @Test func gradientMatchesFiniteDifferences() throws {
    let groups = try exampleGroups()
    let objective = MarginObjective(counts: groups.members.map(\.instanceCount), scale: 5)
    var generator = SeededGenerator(seed: 3)
    let head = LinearHead(
      inputs: 4, layout: objective.layout, groups: groups, method: "ldam", deviation: 1, using: &generator)
    let labels: [Int32] = [0, -1, 5, 2, -1, 7]
    let features = randomLogits(24, seed: 2).map { Float($0) }
    let source = RoIArrays(features: features, featureCount: 4, labels: labels, roisPerImage: [6])
    var settings = TrainingSettings()
    settings.epochs = 1
    settings.warmupSteps = 0
    settings.momentum = 0
    settings.weightDecay = 0
    settings.gradientClip = nil
    settings.learningRate = 1
    let trainer = try HeadTrainer(head: head, objective: objective, source: source, settings: settings)
    _ = try trainer.step()
    let weight = head.weight.storage.map { Double($0) }
    let gradient = zip(weight, trainer.head.weight.storage).map { $0 - Double($1) }

    func loss(_ weight: [Double]) -> Double {
      var cosines = [Double](repeating: 0, count: 6 * 9)
      for row in 0..<6 {
        for k in 0..<9 {
          let x = (0..<4).map { Double(features[row * 4 + $0]) }
          let w = weight[k * 4..<k * 4 + 4]
          func norm(_ v: some Sequence<Double>) -> Double { v.reduce(0) { $0 + $1 * $1 }.squareRoot() }
          cosines[row * 9 + k] = zip(x, w).reduce(0) { $0 + $1.0 * $1.1 } / norm(x) / norm(w)
        }
      }
      return marginCrossEntropy(
        cosines: &cosines, rows: 0..<6, columns: 9, targets: labels.map { $0 + 1 },
        margins: [0] + labelDistributionAwareMargins(counts: groups.members.map(\.instanceCount)), scale: 5, divisor: 6)
    }
    #expect(gradientError(gradient, at: weight, of: loss) < 1e-4)
    #expect(trainer.head.bias.allSatisfy { $0 == 0 })
  }

  /// Logits are cosines in the reference's normalised layer (`case_ldam_1.json`), whose weight is transposed.
  @Test func logitsMatchTheReferencesNormalisedLayer() throws {
    for golden in try GoldenCase.losses("case_ldam_1.json", having: ["normed_linear_features"]) {
      let transposed = try golden.inputs.matrix("normed_linear_weight_in_by_out", as: Float.self)
      let (inputs, outputs) = (transposed.rows, transposed.columns)
      try #require(outputs > 1)
      let weight = (0..<outputs).flatMap { k in (0..<inputs).map { transposed[$0, k] } }
      let head = try LinearHead(
        weight: Matrix(rows: outputs, columns: inputs, values: weight), bias: Array(repeating: 7, count: outputs),
        layout: CosineLayout(classCount: outputs - 1), groups: CategoryGroups(instances: Array(1..<outputs)),
        method: "ldam")
      let features = try golden.inputs.matrix("normed_linear_features", columns: inputs, as: Float.self)
      var logits = [Float](repeating: 0, count: features.rows * outputs)
      head.logits(features: features.storage, count: features.rows, into: &logits)
      #expect(try largestDifference(logits, golden.outputs.numbers("normed_linear_logits")) < 1e-5, "\(golden)")
      #expect(head.classWeightNorms.allSatisfy { $0 == 1 })
    }
  }
}
