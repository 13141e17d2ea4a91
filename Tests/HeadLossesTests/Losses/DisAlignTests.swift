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
    var compared = 0
    for golden in try GoldenCase.losses("case_disalign_1.json") where golden.inputs["features"] != nil {
      let output = try #require(golden.outputs["detection"] as? [String: Any])
      let counts = integers(golden.inputs["class_counts"])
      let classCount = counts.count
      let labels = labelsWithBackgroundLast(golden.inputs["labels"], classCount: classCount)
      let targets = labels.map { $0 + 1 }
      let weights = [1] + ClassWeights.generalized(counts: counts, exponent: 0.8)
      #expect(largestDifference(weights.dropFirst() + [1], numbers(output["grw_weights"])) < 1e-12, "\(golden)")

      let inputs = numbers(golden.inputs["confidence_layer.weight"]).count
      let features = Matrix<Scalar>(
        rows: labels.count, columns: inputs, values: scalars(golden.inputs["features"]))
      let (classRows, biases) = (numbers(golden.inputs["cls_score.weight"]), numbers(golden.inputs["cls_score.bias"]))
      let background = classRows.suffix(inputs)
      let rows = background + classRows.dropLast(inputs) + numbers(golden.inputs["confidence_layer.weight"])
      let bias = biases.suffix(1) + biases.dropLast() + numbers(golden.inputs["confidence_layer.bias"])
      let logits = Matrix.linear(
        features, weight: Matrix(rows: classCount + 2, columns: inputs, values: rows.map { Scalar($0) }),
        bias: bias.map { Scalar($0) })

      let alignment = Alignment<Scalar>(
        magnitudes: scalars(golden.inputs["logit_scale"]), margins: scalars(golden.inputs["logit_bias"]))
      let zeros = [Scalar](repeating: 0, count: classCount)
      var gradient = Alignment<Scalar>(magnitudes: zeros, margins: zeros)
      var values = logits.storage
      let sum = targets.reduce(0) { $0 + weights[Int($1)] }
      let loss = alignedCrossEntropy(
        logits: &values, rows: 0..<labels.count, targets: targets, alignment: alignment,
        weights: weights.map { Scalar($0) }, divisor: Scalar(sum), gradient: &gradient)
      #expect(largestDifference([loss], numbers(output["loss"])) < tolerance, "\(golden)")
      #expect(largestDifference(gradient.magnitudes, numbers(output["grad_logit_scale"])) < tolerance, "\(golden)")
      #expect(largestDifference(gradient.margins, numbers(output["grad_logit_bias"])) < tolerance, "\(golden)")

      var weightGradient = [Double](repeating: 0, count: inputs)
      var biasGradient = 0.0
      for row in labels.indices {
        let q = Double(values[row * (classCount + 2) + classCount + 1])
        biasGradient += q
        for column in 0..<inputs { weightGradient[column] += q * Double(features[row, column]) }
      }
      #expect(largestDifference(weightGradient, numbers(output["grad_confidence_weight"])) < tolerance, "\(golden)")
      #expect(largestDifference([biasGradient], numbers(output["grad_confidence_bias"])) < 10 * tolerance, "\(golden)")
      compared += 1
    }
    #expect(compared == 3)
  }

  @Test func scoresAreThoseOfTheAlignedLogits() throws {
    let golden = try #require(try GoldenCase.losses("case_disalign_1.json").first)
    let output = try #require(golden.outputs["detection"] as? [String: Any])
    let before = numbers(output["logits_before"])
    let confidence = numbers(output["confidence"])
    let classCount = integers(golden.inputs["class_counts"]).count
    var logits: [Float] = []
    var aligned: [Double] = []
    for row in confidence.indices {
      func moved(_ values: [Double]) -> [Double] {
        let row = Array(values[row * (classCount + 1)..<(row + 1) * (classCount + 1)])
        return row.suffix(1) + row.dropLast()
      }
      let q = -log(1 / confidence[row] - 1)
      logits += moved(before).map { Float($0) } + [Float(q)]
      var scores = moved(numbers(output["aligned_logits"]))
      _ = Double.softmax(&scores, count: scores.count)
      aligned += scores.dropFirst()
    }
    let layout = DisAlignLayout(
      alignment: Alignment(
        magnitudes: scalars(golden.inputs["logit_scale"]), margins: scalars(golden.inputs["logit_bias"])))
    var scores = [Float](repeating: 0, count: confidence.count * classCount)
    layout.scores(logits: &logits, count: confidence.count, into: &scores)
    #expect(largestDifference(scores, aligned) < 1e-5)
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
    expectGradient(at: parameters) { values in
      let (loss, _, gradient) = loss(logits, values)
      values = gradient.magnitudes + gradient.margins
      return loss
    }
    expectGradient(at: [logits[4], logits[9]]) { q in
      var moved = logits
      (moved[4], moved[9]) = (q[0], q[1])
      let result = loss(moved, parameters)
      q = result.q
      return result.0
    }
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
