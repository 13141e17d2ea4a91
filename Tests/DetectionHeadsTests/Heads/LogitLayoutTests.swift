import DenseLinearAlgebra
import DetectionHeads
import Foundation
import TestSupport
import Testing

@Suite struct LogitLayoutTests {
  @Test func sigmoidLayoutsDifferInTheirBackground() throws {
    let logits: [Float] = [0.5, -1, 2, 0.25]
    func sigma(_ z: Double) -> Double { 1 / (1 + exp(-z)) }
    let cases: [(SigmoidLayout, [Float], [Double])] = [
      (SigmoidLayout(classCount: 4), logits, [sigma(0.5), sigma(-1), sigma(2), sigma(0.25)]),
      (SigmoidLayout(classCount: 3, background: .first), logits, [sigma(-1), sigma(2), sigma(0.25)]),
      (SigmoidLayout(classCount: 3, background: .last), logits, [sigma(0.5), sigma(-1), sigma(2)]),
      (
        SigmoidLayout(classCount: 3, background: .objectness), logits,
        [sigma(0.5), sigma(-1), sigma(2)].map { $0 * (1 - sigma(0.25)) }
      ),
    ]
    for (layout, logits, expected) in cases {
      var z = logits
      var scores = [Float](repeating: 0, count: layout.classCount)
      layout.scores(logits: &z, count: 1, into: &scores)
      #expect(largestDifference(scores, expected) < 1e-6, "\(layout.name)")
      #expect(layout.logitCount == 4)
      let background = Set(layout.backgroundLogits)
      #expect(Set((0..<layout.classCount).map { layout.logit(ofClass: $0) }).union(background) == Set(0..<4))
    }
  }

  /// What a head file keeps for a layout is checked.
  @Test func refusesTensorsThatDoNotFit() {
    #expect(throws: LinearHeadError.self) { try CosineLayout(classCount: 3).with(tensors: [:]) }
    #expect(throws: LinearHeadError.self) { try CosineLayout(classCount: 3).with(tensors: ["scale": [.nan]]) }
    let aligned = DisAlignLayout(alignment: Alignment(classCount: 2))
    #expect(throws: LinearHeadError.self) { try aligned.with(tensors: ["magnitudes": [1, 1]]) }
    #expect(throws: LinearHeadError.self) { try aligned.with(tensors: ["magnitudes": [1], "margins": [0]]) }
  }

  /// A softmax head gives its background to a DisAlign head, to which it means the same, and to no other.
  @Test func backgroundIsCopiedWhereItMeansTheSame() throws {
    let groups = try exampleGroups()
    var generator = SeededGenerator(seed: 1)
    func head(_ layout: any LogitLayout) -> LinearHead {
      LinearHead(inputs: 3, layout: layout, groups: groups, method: "", using: &generator)
    }
    var softmax = head(SoftmaxLayout(classCount: 8))
    softmax.bias = softmax.bias.indices.map { Float($0) }
    var aligned = head(DisAlignLayout(alignment: Alignment(classCount: 8)))
    let confidence = aligned.weight.row(9)
    try aligned.copyClasses(from: softmax)
    for row in 0..<9 { #expect(aligned.weight.row(row) == softmax.weight.row(row)) }
    #expect(aligned.bias == softmax.bias + [0] && aligned.weight.row(9) == confidence)

    var cosine = head(CosineLayout(classCount: 8))
    let background = cosine.weight.row(0)
    try cosine.copyClasses(from: softmax)
    #expect(cosine.weight.row(1) == softmax.weight.row(1) && cosine.weight.row(0) == background)
    #expect(cosine.bias.allSatisfy { $0 == 0 })
  }
}
