import DenseLinearAlgebra
import HeadTraining
import TestSupport
import Testing

@Suite struct OcclusionMasksTests {
  @Test func windowsCoverTheMapAndStayInside() {
    for (height, width, side, stride) in [(7, 7, 2, 2), (7, 7, 2, 1), (14, 10, 5, 3), (3, 3, 3, 1), (2, 5, 1, 4)] {
      let windows = OcclusionMasks.windows(height: height, width: width, side: side, stride: stride)
      #expect(Set(windows).count == windows.count && windows.allSatisfy { $0.count == side * side })
      #expect(windows.allSatisfy { $0.allSatisfy { (0..<height * width).contains($0) } })
      // Without gaps between them the corner at the end is tried too.
      if stride <= side { #expect(Set(windows.flatMap { $0 }) == Set(0..<height * width)) }
    }
    #expect(OcclusionMasks.windows(height: 7, width: 7, side: 2, stride: 2).count == 16)
    #expect(OcclusionMasks.windows(height: 7, width: 7, side: 2, stride: 1).count == 36)
  }

  @Test func hiddenCellsAreDrawnAmongTheLikeliest() {
    var generator = SeededGenerator(seed: 4)
    let logits = (0..<49).map { Float(($0 * 20) % 49) }
    let likeliest = Set(logits.indices.filter { logits[$0] >= 29 })
    var counts = [Int: Int]()
    for _ in 0..<2000 {
      let cells = OcclusionMasks.cells(logits: logits, candidates: 20, dropped: 15, using: &generator)
      #expect(cells.count == 15 && cells == cells.sorted() && likeliest.isSuperset(of: cells))
      for cell in cells { counts[cell, default: 0] += 1 }
    }
    // Each with probability .75: 1,500 of 2,000 draws, 19 to a standard deviation.
    #expect(counts.count == 20 && counts.values.allSatisfy { abs($0 - 1500) < 100 })
  }

  @Test func equalCellsGoByTheirPlace() {
    var generator = SeededGenerator(seed: 4)
    let logits = [Float](repeating: 1, count: 9)
    let cells = OcclusionMasks.cells(logits: logits, candidates: 4, dropped: 4, using: &generator)
    #expect(cells == [0, 1, 2, 3])
  }

  @Test func hidingTakesAllChannels() {
    var map = [Float](repeating: 1, count: 12)
    OcclusionMasks.hide([1, 3], of: &map, channels: 3, cellCount: 4)
    #expect(map == [1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0])
  }

  /// The derivative of bilinear sampling by the angle beside differences, away from where its pieces meet.
  @Test func theSlopeOfATurnIsItsDifference() {
    let map = randomLogits(35, seed: 3).map { Float($0) }
    let weights = randomLogits(35, seed: 5)
    func loss(_ angle: Double) -> Double {
      var turned = [Float](repeating: 0, count: 35)
      ChannelRotation(angle: Float(angle), height: 5, width: 7).apply(to: map, into: &turned)
      return zip(turned, weights).reduce(0) { $0 + Double($1.0) * $1.1 }
    }
    for angle in [-0.171, 0.062, 0.149] {
      let slope = ChannelRotation(angle: Float(angle), height: 5, width: 7)
        .angleGradient(of: map, gradient: weights.map { Float($0) })
      let difference = (loss(angle + 1e-3) - loss(angle - 1e-3)) / 2e-3
      #expect(abs(Double(slope) - difference) < 0.02 * max(1, abs(difference)), "\(angle)")
    }
    var same = [Float](repeating: 0, count: 35)
    ChannelRotation(angle: 0, height: 5, width: 7).apply(to: map, into: &same)
    #expect(same == map)
  }
}
