import DenseLinearAlgebra
import DetectionHeads
import HeadLosses
import LVISDatasets
import TestSupport
import Testing

@Suite struct GeneralizedIoUTests {
  private static func box(_ deltas: [Float], _ coder: BoxCoder, from proposal: CornerBox) -> CornerBox {
    coder.decode(SIMD4(deltas[0], deltas[1], deltas[2], deltas[3]), from: proposal)
  }

  /// The value is that of the decoded boxes, whatever the proposal is.
  @Test(arguments: [BoxCoder.Convention.standard, .mmdetection2], [SIMD4<Float>.one, BoxCoder.regressorDeviations])
  func isThatOfTheDecodedBoxes(convention: BoxCoder.Convention, deviations: SIMD4<Float>) {
    var generator = SeededGenerator(seed: 4)
    var loss = GeneralizedIoU()
    loss.coder = BoxCoder(convention: convention, standardDeviations: deviations)
    for _ in 0..<50 {
      let deltas = (0..<4).map { 0.7 * Float(standardNormal(using: &generator)) / deviations[$0] }
      let targets = (0..<4).map { 0.7 * Float(standardNormal(using: &generator)) / deviations[$0] }
      let proposal = CornerBox(10, 20, 10 + Float.random(in: 5...50, using: &generator), 65)
      let (a, b) = (Self.box(deltas, loss.coder, from: proposal), Self.box(targets, loss.coder, from: proposal))
      let width = max(0, min(a.x2, b.x2) - max(a.x1, b.x1))
      let height = max(0, min(a.y2, b.y2) - max(a.y1, b.y1))
      let union = a.area + b.area - width * height
      let enclosing = (max(a.x2, b.x2) - min(a.x1, b.x1)) * (max(a.y2, b.y2) - min(a.y1, b.y1))
      let expected = 1 - width * height / union + (enclosing - union) / enclosing
      #expect(abs(loss.loss(deltas: deltas, targets: targets) - expected) < 1e-4)
    }
  }

  /// Central differences, boxes that overlap and boxes that do not, and a size beyond the limit.
  @Test(arguments: [
    ([0.1, -0.2, 0.3, 0.1] as [Float], [0, 0.1, 0.2, 0.4] as [Float]), ([3, 2, 0.1, 0.2], [0, 0, 0, 0]),
    ([0.1, 0, 5, 0], [0, 0, 0, 0.1]),
  ]) func theGradientIsTheChangeOfTheLoss(deltas: [Float], targets: [Float]) {
    var loss = GeneralizedIoU()
    loss.coder.standardDeviations = [1, 0.5, 1, 2]
    var gradient = deltas
    let value = loss.backward(&gradient, targets: targets, count: 1, batchCount: 4)
    #expect(abs(4 * value - Double(loss.loss(deltas: deltas, targets: targets))) < 1e-6)
    for index in 0..<4 {
      func at(_ change: Float) -> Double {
        var changed = deltas
        changed[index] += change
        return loss.value(deltas: changed, targets: targets).loss
      }
      let expected = (at(1e-2) - at(-1e-2)) / 2e-2 / 4
      #expect(abs(Double(gradient[index]) - expected) < 1e-4)
    }
  }

  @Test func equalBoxesHaveNoLoss() {
    let deltas: [Float] = [0.3, 0.1, -0.2, 0.5]
    #expect(GeneralizedIoU().loss(deltas: deltas, targets: deltas) < 1e-6)
  }
}
