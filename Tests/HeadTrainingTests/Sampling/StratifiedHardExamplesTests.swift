import DenseLinearAlgebra
import FeatureSets
import HeadTraining
import LVISDatasets
import Testing

/// Our reading of S-OHEM; there is no reference.
@Suite struct StratifiedHardExamplesTests {
  /// 30 RoIs far from each other: ten led by the classification loss, ten mixed, ten led by the box loss, each kind
  /// harder than the one before, and in each the later places.
  private func batch(progress: Double) -> RoIBatch {
    var batch = RoIBatch(labels: Array(repeating: 1, count: 30), images: [0..<30])
    batch.boxes = (0..<30).map { CornerBox(Float(100 * $0), 0, Float(100 * $0 + 10), 10) }
    let losses: [Float] = (0..<30).map { place in Float(1 + place / 10) + 0.01 * Float(place % 10) }
    let shares: [Float] = [0, 0.5, 0.9]
    batch.boxLosses = (0..<30).map { losses[$0] * shares[$0 / 10] }
    batch.classLosses = (0..<30).map { losses[$0] - batch.boxLosses[$0] }
    batch.progress = progress
    return batch
  }

  @Test(arguments: [(0.0, [6, 2, 2]), (0.5, [4, 2, 4]), (1.0, [2, 2, 6])])
  func quotasShiftFromClassificationToBoxes(progress: Double, expected: [Int]) {
    var generator = SeededGenerator(seed: 0)
    let kept = StratifiedHardExamples(countPerImage: 10).select(from: batch(progress: progress), using: &generator)
    #expect((0..<3).map { stratum in kept.count { Int($0) / 10 == stratum } } == expected)
    // Within a stratum the hardest.
    for stratum in 0..<3 {
      let places = kept.filter { Int($0) / 10 == stratum }.map { Int($0) % 10 }
      #expect(places == Array(10 - places.count..<10))
    }
  }

  @Test func whatAStratumCannotFillGoesToTheOthers() {
    var generator = SeededGenerator(seed: 0)
    var batch = batch(progress: 0)
    batch.labels[0] = -1
    batch.boxLosses = batch.boxLosses.map { _ in 0 }
    batch.classLosses = (0..<30).map { Float($0) }
    let kept = StratifiedHardExamples(countPerImage: 10).select(from: batch, using: &generator)
    #expect(kept == Array(20..<30))
  }
}
