import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import TestSupport
import Testing

/// Against cvpods' detection form (`case_disalign_1.json`), where background is the last row.
@Suite struct DisAlignTests {
  @Test func matchesOfficialCodeInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesOfficialCodeInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    for golden in try GoldenCase.losses("case_disalign_1.json", having: ["features"]) {
      let output = try golden.outputs.object("detection")
      let counts = try golden.inputs.integers("class_counts")
      let classCount = counts.count
      let features = try golden.inputs.matrix("features", as: scalar)
      let inputs = features.columns
      let labels = try golden.inputs.labels(count: features.rows, classCount: classCount, background: .last)
      let targets = labels.map { $0 + 1 }
      let weights =
        [1] + ClassWeights.generalized(counts: counts, exponent: try golden.hyperparameters.number("det_exp_scale"))
      #expect(
        try largestDifference(weights.dropFirst() + [1], output.numbers("grw_weights")) < 1e-12, "\(golden)")

      let classRows = try golden.inputs.matrix(
        "cls_score.weight", rows: classCount + 1, columns: inputs, as: Double.self
      ).storage
      let biases = try golden.inputs.numbers("cls_score.bias", count: classCount + 1)
      let confidence = try golden.inputs.numbers("confidence_layer.weight", count: inputs)
      let rows = classRows.suffix(inputs) + classRows.dropLast(inputs) + confidence
      let bias = biases.suffix(1) + biases.dropLast() + [try golden.inputs.number("confidence_layer.bias")]
      let logits = Matrix.linear(
        features, weight: Matrix(rows: classCount + 2, columns: inputs, values: rows.map { Scalar($0) }),
        bias: bias.map { Scalar($0) })

      let zeros = [Scalar](repeating: 0, count: classCount)
      var gradient = Alignment<Scalar>(magnitudes: zeros, margins: zeros)
      var values = logits.storage
      let sum = targets.reduce(0) { $0 + weights[Int($1)] }
      let loss = alignedCrossEntropy(
        logits: &values, rows: 0..<labels.count, targets: targets,
        alignment: try alignment(golden, classCount: classCount), weights: weights.map { Scalar($0) },
        divisor: Scalar(sum), gradient: &gradient)
      func expect<Number: BinaryFloatingPoint>(_ found: [Number], _ name: String, _ tolerance: Double) throws {
        #expect(try largestDifference(found, output.numbers(name)) < tolerance, "\(golden) \(name)")
      }
      try expect([loss], "loss", tolerance)
      try expect(gradient.magnitudes, "grad_logit_scale", tolerance)
      try expect(gradient.margins, "grad_logit_bias", tolerance)

      var weightGradient = [Double](repeating: 0, count: inputs)
      var biasGradient = 0.0
      for row in labels.indices {
        let q = Double(values[row * (classCount + 2) + classCount + 1])
        biasGradient += q
        for column in 0..<inputs { weightGradient[column] += q * Double(features[row, column]) }
      }
      try expect(weightGradient, "grad_confidence_weight", tolerance)
      try expect([biasGradient], "grad_confidence_bias", 10 * tolerance)
    }
  }

  @Test func scoresAreThoseOfTheAlignedLogits() throws {
    for golden in try GoldenCase.losses("case_disalign_1.json", having: ["features"]) {
      let output = try golden.outputs.object("detection")
      let classCount = try golden.inputs.integers("class_counts").count
      // Background moves from the end to the front.
      let order = [classCount] + Array(0..<classCount)
      func matrix(_ name: String) throws -> Matrix<Double> {
        try output.matrix(name, columns: classCount + 1).selecting(columns: order)
      }
      let (before, after) = (try matrix("logits_before"), try matrix("aligned_logits"))
      let confidence = try output.numbers("confidence", count: before.rows)
      try #require(after.rows == before.rows)
      var logits: [Float] = []
      var expected: [Double] = []
      for row in 0..<before.rows {
        logits += before.row(row).map { Float($0) } + [Float(-log(1 / confidence[row] - 1))]
        var scores = after.row(row)
        _ = Double.softmax(&scores, count: scores.count)
        expected += scores.dropFirst()
      }
      let layout = DisAlignLayout(alignment: try alignment(golden, classCount: classCount))
      var scores = [Float](repeating: 0, count: before.rows * classCount)
      layout.scores(logits: &logits, count: before.rows, into: &scores)
      #expect(largestDifference(scores, expected) < 1e-5, "\(golden)")
    }
  }

  private func alignment<Scalar: DenseScalar>(_ golden: GoldenCase, classCount: Int) throws -> Alignment<Scalar> {
    Alignment(
      magnitudes: try golden.inputs.numbers("logit_scale", count: classCount).map { Scalar($0) },
      margins: try golden.inputs.numbers("logit_bias", count: classCount).map { Scalar($0) })
  }

  /// Zero counts give nan in the official weights.
  @Test func aClassWithoutInstancesCountsAsOne() {
    let weights = ClassWeights.generalized(counts: [1, 10609, 0, 30], exponent: 0.8)
    #expect(weights[2] == weights[0] && weights.allSatisfy { $0.isFinite })
  }

  @Test func gradientMatchesFiniteDifferences() {
    let classCount = 3
    let logits = randomLogits(2 * (classCount + 2), seed: 4)
    let parameters = randomLogits(2 * classCount, seed: 5)
    func loss(_ logits: [Double], _ parameters: [Double]) -> (Double, q: [Double], Alignment<Double>) {
      var values = logits
      var gradient = Alignment<Double>(magnitudes: [0, 0, 0], margins: [0, 0, 0])
      let loss = alignedCrossEntropy(
        logits: &values, rows: 0..<2, targets: [0, 2],
        alignment: Alignment(magnitudes: Array(parameters.prefix(3)), margins: Array(parameters.suffix(3))),
        weights: [1, 2, 0.5, 1], divisor: 1.5, gradient: &gradient)
      return (loss, [values[4], values[9]], gradient)
    }
    let error = gradientError(at: parameters) { values in
      let (loss, _, gradient) = loss(logits, values)
      values = gradient.magnitudes + gradient.margins
      return loss
    }
    #expect(error < 1e-7)
    let confidenceError = gradientError(at: [logits[4], logits[9]]) { q in
      var moved = logits
      (moved[4], moved[9]) = (q[0], q[1])
      let result = loss(moved, parameters)
      q = result.q
      return result.0
    }
    #expect(confidenceError < 1e-7)
  }

  @Test func onlyTheConfidenceAndTheAlignmentAreTrained() throws {
    let groups = try exampleGroups()
    let objective = AlignmentObjective(counts: groups.members.map(\.instanceCount))
    var generator = SeededGenerator(seed: 1)
    let start = LinearHead(
      inputs: 3, layout: objective.layout, groups: groups, method: "disalign", using: &generator)
    let labels: [Int32] = [0, -1, 5, 2, -1, 7]
    let source = RoIArrays(
      features: randomLogits(18, seed: 2).map { Float($0) }, featureCount: 3, labels: labels, roisPerImage: [3, 3])
    var settings = TrainingSettings()
    settings.epochs = 3
    settings.imagesPerBatch = 1
    settings.threads = 2
    let trainer = try HeadTrainer(head: start, objective: objective, source: source, settings: settings)
    try trainer.run()
    #expect(trainer.head.weight.storage.prefix(27) == start.weight.storage.prefix(27))
    #expect(trainer.head.bias.prefix(9) == start.bias.prefix(9))
    #expect(trainer.head.weight.row(9) != start.weight.row(9))
    let layout = try #require(trainer.head.layout as? DisAlignLayout)
    #expect(layout.alignment.magnitudes.contains { $0 != 1 } && layout.alignment.margins.contains { $0 != 0 })
  }
}
