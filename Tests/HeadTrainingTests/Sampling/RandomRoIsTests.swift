import DenseLinearAlgebra
import FeatureSets
import HeadTraining
import Testing

@Suite struct RandomRoIsTests {
  /// 40 foreground RoIs, then 60 of background; a second image with 3 and 50.
  private let batch = RoIBatch(
    labels: Array(repeating: 2, count: 40) + Array(repeating: -1, count: 60) + [0, 1, 0]
      + Array(repeating: -1, count: 50),
    images: [0..<100, 100..<153])

  @Test func takesTheNumberAskedForWithoutReplacement() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<20 {
      let kept = RandomRoIs(count: 32, positiveFraction: 0.25).select(from: batch, using: &generator)
      #expect(kept == kept.sorted() && Set(kept).count == 64)
      #expect(kept.count { $0 < 40 } == 8 && kept.count { $0 < 100 } == 32)
      // The scarce foreground is filled up with background.
      #expect(kept.count { $0 >= 100 && $0 < 103 } == 3 && kept.count { $0 >= 103 } == 29)
    }
  }

  @Test func drawsUniformly() {
    var generator = SeededGenerator(seed: 2)
    var times = [Int](repeating: 0, count: 153)
    let rounds = 10_000
    for _ in 0..<rounds {
      for place in RandomRoIs(count: 32, positiveFraction: 0.25).select(from: batch, using: &generator) {
        times[Int(place)] += 1
      }
    }
    for (place, count) in times.enumerated() {
      let probability = place < 40 ? 8.0 / 40 : place < 100 ? 24.0 / 60 : place < 103 ? 1 : 29.0 / 50
      let deviation = (Double(rounds) * probability * (1 - probability)).squareRoot()
      #expect(abs(Double(count) - Double(rounds) * probability) <= 5 * deviation)
    }
  }

  @Test func takesAllWhereThereAreFewer() {
    var generator = SeededGenerator(seed: 3)
    #expect(RandomRoIs().select(from: batch, using: &generator).count == 153)
    #expect(RandomRoIs(count: 0).select(from: batch, using: &generator) == [])
    #expect(RandomRoIs().select(from: RoIBatch(labels: [], images: [0..<0]), using: &generator) == [])
  }
}
