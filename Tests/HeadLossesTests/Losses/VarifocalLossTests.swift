import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Against RT-DETR's own loss in transformers (`case_varifocal_1.json`).
@Suite struct VarifocalLossTests {
  @Test func matchesReferenceInDouble() throws { try check(as: Double.self, tolerance: 1e-12) }
  @Test func matchesReferenceInFloat() throws { try check(as: Float.self, tolerance: 1e-5) }

  private func check<Scalar: DenseScalar>(as scalar: Scalar.Type, tolerance: Double) throws {
    let cases = try GoldenCase.losses("case_varifocal_1.json")
    #expect(cases.count >= 5)
    for golden in cases {
      let logits = try golden.inputs.matrix("logits", as: scalar)
      let labels = try golden.inputs.labels(count: logits.rows, classCount: logits.columns, background: .last)
      var values = logits.storage
      let loss = varifocalLoss(
        logits: &values, rows: 0..<logits.rows, columns: logits.columns, targets: labels,
        overlaps: try golden.inputs.numbers("ious").map { Scalar($0) },
        alpha: Scalar(try golden.hyperparameters.number("alpha")),
        gamma: Scalar(try golden.hyperparameters.number("gamma")),
        divisor: Scalar(try golden.inputs.number("avg_factor")))
      #expect(try relativeDifference(loss, golden.outputs.number("total_loss")) < tolerance, "\(golden)")
      #expect(
        try largestDifference(values.map { Double($0) }, golden.outputs.numbers("grad_logits")) < tolerance, "\(golden)"
      )
    }
  }

  /// The objective takes the overlaps of the batch's rows, in its order, and divides by the foreground.
  @Test func readsTheOverlapsOfTheBatch() throws {
    var source = RoIArrays(
      features: [Float](repeating: 0, count: 5), featureCount: 1, labels: [0, -1, 1, -1, 0], roisPerImage: [2, 3])
    source.columns[.ious] = [0.5, 0.9, 0.25, 0, 1]
    var objective = VarifocalObjective(classCount: 2, alpha: 0.75, gamma: 2)
    let batch = RoIBatch(images: [2..<5, 0..<2], of: source)
    try objective.prepare(for: BatchContext(epoch: 0, rois: batch, source: source))
    let logits = [Float](repeating: 0, count: 10)
    let result = try evaluate(&objective, logits: logits, labels: batch.labels)
    // At a logit of 0: (½ − q) q / 3 at the object's class, ¾ · ¼ · ½ / 3 elsewhere.
    let negative: Float = 0.75 / 8 / 3
    #expect(
      largestDifference(
        result.gradient,
        [
          negative, 0.25 * 0.25 / 3, negative, negative, -0.5 / 3, negative, 0, negative, negative, negative,
        ].map { Double($0) }) < 1e-6)
  }

  @Test func needsOverlaps() throws {
    let source = RoIArrays(features: [1], featureCount: 1, labels: [0], roisPerImage: [1])
    var objective = VarifocalObjective(classCount: 2)
    let batch = BatchContext(epoch: 0, rois: RoIBatch(images: [0..<1], of: source), source: source)
    let error = try #require(throws: LinearHeadError.self) { try objective.prepare(for: batch) }
    #expect(error.code == .missingData && error.description.contains("'ious'"))
  }
}
