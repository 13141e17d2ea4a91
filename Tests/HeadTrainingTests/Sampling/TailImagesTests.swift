import DenseLinearAlgebra
import FeatureSets
import HeadLosses
import HeadTraining
import Testing

@Suite struct TailImagesTests {
  private let images = ImageClasses(labels: [[0, -1], [1, 0], [-1], [2]], classCount: 3)

  @Test func takesImagesWithAClassBelowTheLimit() throws {
    var generator = SeededGenerator(seed: 0)
    let tail = try TailImages(images, instanceCounts: [500, 99, 100], below: 100)
    #expect(tail.visits(using: &generator) == [1])
    #expect(try TailImages(images, instanceCounts: [500, 99, 100], below: 101).images == [1, 3])
  }

  @Test func refusesWhereNoImageShowsOne() {
    #expect(throws: MethodParameterError.self) { try TailImages(images, instanceCounts: [500, 100, 100]) }
  }
}
