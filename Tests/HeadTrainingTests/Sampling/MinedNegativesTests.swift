import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

@Suite struct MinedNegativesTests {
  @Test func thePoolHoldsARandomDrawAndEveryFalsePositive() throws {
    // One feature, one class: logits [0, x]. Background scores σ(x); every tenth RoI of it is a false positive.
    let groups = try CategoryGroups(instances: [5])
    let head = try LinearHead(
      weight: Matrix(rows: 2, columns: 1, values: [0, 1]), bias: [0, 0], layout: SoftmaxLayout(classCount: 1),
      groups: groups, method: "softmax")
    let features = (0..<200).map { Float($0 % 10 == 0 ? 3 : -3) }
    let labels = (0..<200).map { Int32($0 % 100 < 2 ? 0 : -1) }
    let source = RoIArrays(features: features, featureCount: 1, labels: labels, roisPerImage: [100, 100])
    var generator = SeededGenerator(seed: 1)
    let mined = try MinedNegatives(source: source, scorer: head, negativesPerPositive: 4, using: &generator)
    #expect(mined.minedCount == 18)
    let batch = RoIBatch(labels: labels, images: [0..<100, 100..<200])
    let kept = mined.select(from: batch, using: &generator)
    #expect((0..<200).allSatisfy { labels[$0] < 0 || kept.contains(Int32($0)) })
    #expect((0..<200).allSatisfy { features[$0] < 0 || kept.contains(Int32($0)) })
    // 4 foreground, 18 false positives, and 8 of each image's background, which may be among them.
    #expect((4 + 18...4 + 18 + 16).contains(kept.count))
    #expect(mined.select(from: batch, using: &generator) == kept)
    // In another order, as training reads it.
    let other = RoIBatch(labels: Array(labels[100...]), images: [0..<100], rows: Array(100..<200))
    #expect(mined.select(from: other, using: &generator) == kept.filter { $0 >= 100 }.map { $0 - 100 })
  }
}
