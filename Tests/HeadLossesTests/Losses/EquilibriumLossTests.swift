import DenseLinearAlgebra
import FeatureSets
import HeadLosses
import TestSupport
import Testing

/// Against LOCE's code (`case_loce_ebl_1.json`), where background is the last class.
@Suite struct EquilibriumLossTests {
  @Test func lossMatchesOfficialCodeInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func lossMatchesOfficialCodeInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    let cases = try GoldenCase.losses("case_loce_ebl_1.json")
    #expect(cases.count == 4)
    for golden in cases {
      let means = numbers(golden.inputs["mean_score"])
      let columns = means.count
      let scores = MeanScores(values: [means[columns - 1]] + means.dropLast())
      let logarithms = scores.logarithms.map { Scalar($0) }
      let adjustment = logarithms.dropFirst() + [logarithms[0]]
      // Rows without weight have no loss and no gradient.
      let kept = weightedRows(golden.inputs["label_weights"])
      let targets = integers(golden.inputs["labels"]).map { Int32($0) }
      var values = rows(kept, of: scalars(golden.inputs["logits"], as: Scalar.self), columns: columns)
      let factor = try #require(numbers(golden.inputs["avg_factor"]).first)
      let loss = softmaxCrossEntropy(
        logits: &values, rows: 0..<kept.count, columns: columns, targets: kept.map { targets[$0] },
        adjustment: Array(adjustment), divisor: Scalar(factor))
      #expect(largestDifference([loss], numbers(golden.outputs["total_loss"])) < tolerance, "\(golden)")
      let gradient = rows(kept, of: numbers(golden.outputs["grad_logits"]), columns: columns)
      #expect(largestDifference(values, gradient) < tolerance, "\(golden)")
    }
  }

  @Test func meanScoresMatchOfficialCodeOverBatches() throws {
    let golden = try #require(try GoldenCase.losses("case_loce_ebl_1.json").first)
    let expected = numbers(golden.outputs["mean_score_updates_after_each_batch"])
    var means = MeanScores(classCount: 24)
    for (batch, input) in objects(golden.inputs["mean_score_update_batches"]).enumerated() {
      means.update(classes: integers(input["gt_labels"]), scores: numbers(input["instance_mean_scores"]))
      let after = Array(expected[batch * 25..<(batch + 1) * 25])
      #expect(largestDifference(means.values.dropFirst() + [means.values[0]], after) < 1e-12)
    }
    #expect(means.values.contains { $0 > 0.2 })
  }

  /// Two RoIs of one instance are one entry of their mean; background stays.
  @Test func scoresAreMeansOverInstances() throws {
    var objective = EquilibriumObjective(classCount: 2)
    let boxes: [Float] = [1, 1, 2, 2, 1, 1, 2, 2, 5, 5, 6, 6, 0, 0, 0, 0]
    var source = RoIArrays(features: [0, 0, 0, 0], featureCount: 1, labels: [0, 0, 1, -1], roisPerImage: [4])
    source.columns[.groundTruthBoxes] = boxes
    try objective.prepare(for: BatchContext(epoch: 0, rois: RoIBatch(images: [0..<4], of: source), source: source))
    // Scores at the labels: .5, 1/3, 1/3.
    let log2 = Float(0.6931471805599453)
    let logits: [Float] = [0, log2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    _ = try evaluate(&objective, logits: logits, labels: source.labels)
    let expected = [0.01, 0.9 * 0.01 + 0.1 * (0.5 + 1.0 / 3) / 2, 0.9 * 0.01 + 0.1 / 3]
    #expect(largestDifference(objective.meanScores.values, expected) < 1e-6)
  }

  @Test func withoutMatchesEveryRoIIsAnInstance() throws {
    var objective = EquilibriumObjective(classCount: 2)
    let source = RoIArrays(features: [0, 0], featureCount: 1, labels: [1, 1], roisPerImage: [2])
    try objective.prepare(for: BatchContext(epoch: 0, rois: RoIBatch(images: [0..<2], of: source), source: source))
    _ = try evaluate(&objective, logits: [0, 0, 0, 0, 0, 0], labels: [1, 1])
    #expect(largestDifference(objective.meanScores.values, [0.01, 0.01, 0.81 * 0.01 + 0.19 / 3]) < 1e-6)
  }
}
