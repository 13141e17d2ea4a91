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
    for golden in try GoldenCase.losses("case_loce_ebl_1.json") {
      let logits = try golden.inputs.matrix("logits", as: scalar)
      let columns = logits.columns
      let means = try golden.inputs.numbers("mean_score", count: columns)
      let scores = MeanScores(values: means.suffix(1) + means.dropLast())
      let logarithms = scores.logarithms.map { Scalar($0) }
      let adjustment = Array(logarithms.dropFirst()) + logarithms.prefix(1)
      // Rows without weight have no loss and no gradient.
      let kept = try golden.inputs.weightedRows(count: logits.rows)
      let targets = try golden.inputs.labels(count: logits.rows, classCount: columns, background: .none)
      var values = logits.values(ofRows: kept)
      let factor = try golden.inputs.number("avg_factor")
      let loss = softmaxCrossEntropy(
        logits: &values, rows: 0..<kept.count, columns: columns, targets: kept.map { targets[$0] },
        adjustment: adjustment, divisor: Scalar(factor))
      #expect(try relativeDifference(loss, golden.outputs.number("total_loss")) < tolerance, "\(golden)")
      let gradient = scattered(values, toRows: kept, of: logits.rows, columns: columns)
      #expect(try largestDifference(gradient, golden.outputs.numbers("grad_logits")) < tolerance, "\(golden)")
    }
  }

  @Test func meanScoresMatchOfficialCodeOverBatches() throws {
    for golden in try GoldenCase.losses("case_loce_ebl_1.json", having: ["mean_score_update_batches"]) {
      let classCount = try golden.inputs.numbers("mean_score").count - 1
      try #require(classCount > 0)
      let batches = try golden.inputs.objects("mean_score_update_batches")
      let expected = try golden.outputs.matrix(
        "mean_score_updates_after_each_batch", rows: batches.count, columns: classCount + 1, as: Double.self)
      var means = MeanScores(
        classCount: classCount, momentum: try golden.hyperparameters.number("alpha"),
        initial: try golden.inputs.number("mean_score_initial"),
        background: try golden.hyperparameters.number("bg_score"))
      for (batch, input) in batches.enumerated() {
        let classes = try input.integers("gt_labels", in: 0...classCount - 1)
        means.update(
          classes: classes, scores: try input.numbers("instance_mean_scores", count: classes.count))
        #expect(
          largestDifference(Array(means.values.dropFirst()) + means.values.prefix(1), expected.row(batch)) < 1e-12,
          "\(golden) batch \(batch)")
      }
    }
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
