import DenseLinearAlgebra
import FeatureSets
import HeadTraining
import TestSupport
import Testing

/// Against mmdetection's OHEMSampler (`case_ohem_mmdet_1.json`).
@Suite struct PerImageHardExamplesTests {
  @Test func keepsTheRoIsThatMmdetectionKeeps() throws {
    for golden in try GoldenCase.losses("case_ohem_mmdet_1.json") {
      // RoIs with gt_inds −1 are ignored: no candidates.
      let assigned = try golden.inputs.integers("gt_inds", in: -1...1_000_000)
      let rows = assigned.indices.filter { assigned[$0] >= 0 }
      let losses = try golden.outputs.numbers("row_ce_loss", count: assigned.count)
      var batch = RoIBatch(labels: rows.map { assigned[$0] > 0 ? 0 : -1 }, images: [0..<rows.count])
      batch.classLosses = rows.map { Float(losses[$0]) }
      let settings = golden.hyperparameters
      // Not given, or −1: no limit.
      let ratio = settings.has("neg_pos_ub") ? try settings.number("neg_pos_ub") : -1
      let mining = PerImageHardExamples(
        count: try settings.integer("num", in: 0...1_000_000),
        positiveFraction: try settings.number("pos_fraction", in: 0...1),
        negativesPerPositive: ratio >= 0 ? ratio : nil)
      var generator = SeededGenerator(seed: 0)
      let kept = mining.select(from: batch, using: &generator).map { rows[Int($0)] }
      let expected = try ["pos_indices", "neg_indices"].flatMap {
        try golden.outputs.isEmpty($0) ? [] : golden.outputs.integers($0)
      }
      #expect(!expected.isEmpty && kept == expected.sorted(), "\(golden)")
    }
  }

  @Test func withoutACountAllForegroundStaysAndThreeTimesAsMuchBackground() {
    var batch = RoIBatch(labels: [-1, 3, -1, -1, -1, -1, -1, -1, -1], images: [0..<6, 6..<9])
    batch.classLosses = [1, 0, 5, 2, 3, 0.5, 1, 9, 4]
    var generator = SeededGenerator(seed: 0)
    // The second image has no foreground: as if it had one.
    #expect(PerImageHardExamples().select(from: batch, using: &generator) == [1, 2, 3, 4, 6, 7, 8])
    let none = PerImageHardExamples(negativesPerPositive: 0).select(from: batch, using: &generator)
    #expect(none == [1])
    #expect(
      PerImageHardExamples(negativesPerPositive: 1e300).select(from: batch, using: &generator).count == 9)
  }
}
