import DenseLinearAlgebra
import FeatureSets
import HeadTraining
import Testing

@Suite struct ClassBalancedSamplingTests {
  /// Class 0 has 3 RoIs in image 0 and 1 in image 1, class 1 a single one in image 2, class 2 none, image 3 no
  /// foreground.
  private let images = ImageClasses(labels: [[0, 0, -1, 0], [0], [1, -1], [-1]], classCount: 3)

  @Test func drawsClassesUniformlyAndTheirInstancesUniformly() {
    let sampling = ClassBalancedSampling(images)
    var generator = SeededGenerator(seed: 1)
    var visits = [Int](repeating: 0, count: 4)
    let rounds = 20_000
    for _ in 0..<rounds {
      let drawn = sampling.visits(using: &generator)
      #expect(drawn.count == 4)
      for image in drawn { visits[image] += 1 }
    }
    let draws = Double(4 * rounds)
    for (count, probability) in zip(visits, [0.375, 0.125, 0.5, 0]) {
      #expect(abs(Double(count) - draws * probability) <= 5 * (draws * probability * (1 - probability)).squareRoot())
    }
  }

  @Test func visitsEveryImageWhereThereIsNoForeground() {
    var generator = SeededGenerator(seed: 1)
    let sampling = ClassBalancedSampling(ImageClasses(labels: [[-1], []], classCount: 3))
    #expect(sampling.visits(using: &generator) == [0, 1])
  }
}
