import DenseLinearAlgebra
import HeadTraining
import Testing

@Suite struct ImageStreamTests {
  /// Passes of uneven length: the pass's generator decides.
  private struct Uneven: ImageSampler {
    func visits(using generator: inout SeededGenerator) -> [Int] {
      (0..<Int.random(in: 1...9, using: &generator)).map { _ in Int.random(in: 0..<5, using: &generator) }
    }
  }

  @Test func anEpochIsTheSameHoweverItIsReached() {
    let seed = SeededGenerator(seed: 3)
    var inOrder = ImageStream(Uneven(), imageCount: 5, seed: seed)
    let epochs = (0..<40).map { inOrder.images(ofEpoch: $0) }
    #expect(epochs.allSatisfy { $0.count == 5 })
    for epoch in [39, 7, 0, 8, 8, 22] {
      var fresh = ImageStream(Uneven(), imageCount: 5, seed: seed)
      #expect(fresh.images(ofEpoch: epoch) == epochs[epoch])
      #expect(inOrder.images(ofEpoch: epoch) == epochs[epoch])
    }
  }

  @Test func cutsPassesIntoEpochsWithoutLosingAny() {
    let seed = SeededGenerator(seed: 3)
    var stream = ImageStream(Uneven(), imageCount: 5, seed: seed)
    let epochs = (0..<10).flatMap { stream.images(ofEpoch: $0) }
    var passes: [Int] = []
    for pass in 1...50 {
      var generator = seed.derived(for: UInt64(pass))
      passes += Uneven().visits(using: &generator).shuffled(using: &generator)
    }
    #expect(epochs == Array(passes.prefix(50)))
  }

  @Test func everyImageOnceIsAnEpochOfEachImage() {
    var stream = ImageStream(EveryImage(imageCount: 7), imageCount: 7, seed: SeededGenerator(seed: 0))
    #expect(stream.images(ofEpoch: 0).sorted() == Array(0..<7))
    #expect(stream.images(ofEpoch: 1).sorted() == Array(0..<7))
    #expect(stream.images(ofEpoch: 2) != stream.images(ofEpoch: 1))
  }

  /// A sampler that gives nothing must not hang training.
  @Test func anEmptyPassFallsBackToEveryImage() {
    struct Nothing: ImageSampler {
      func visits(using generator: inout SeededGenerator) -> [Int] { [] }
    }
    var stream = ImageStream(Nothing(), imageCount: 3, seed: SeededGenerator(seed: 0))
    #expect(stream.images(ofEpoch: 0).sorted() == [0, 1, 2])
  }
}
