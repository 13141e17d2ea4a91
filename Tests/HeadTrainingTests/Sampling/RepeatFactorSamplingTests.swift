import DenseLinearAlgebra
import FeatureSets
import HeadTraining
import TestSupport
import Testing

/// Against detectron2's sampler (`case_rfs_1.json`).
@Suite struct RepeatFactorSamplingTests {
  @Test func factorsAndVisitsMatchDetectron2() throws {
    for golden in try GoldenCase.losses("case_rfs_1.json") {
      let sampling = RepeatFactorSampling(
        try classes(golden), threshold: try golden.hyperparameters.number("repeat_thresh", in: 0...1))
      let expected = try golden.outputs.numbers("repeat_factors_float32").map { Float($0) }
      #expect(sampling.factors == expected, "\(golden)")
      let uniforms = try golden.outputs.numbers("given_uniforms", count: sampling.factors.count).map { Float($0) }
      let visits = try golden.outputs.integers("epoch_indices_given_uniforms")
      #expect(sampling.visits(uniforms: uniforms) == visits, "\(golden)")
    }
  }

  @Test func visitsAnImageAsOftenAsItsFactorOnAverage() throws {
    let golden = try #require(try GoldenCase.losses("case_rfs_1.json").first)
    let sampling = RepeatFactorSampling(try classes(golden), threshold: 0.3)
    var generator = SeededGenerator(seed: 5)
    let rounds = 4000
    var visits = [Int](repeating: 0, count: sampling.factors.count)
    for _ in 0..<rounds {
      for image in sampling.visits(using: &generator) { visits[image] += 1 }
    }
    for (count, factor) in zip(visits, sampling.factors) {
      let fraction = Double(factor) - Double(factor).rounded(.down)
      let deviation = (Double(rounds) * fraction * (1 - fraction)).squareRoot()
      #expect(abs(Double(count) - Double(rounds) * Double(factor)) <= 5 * deviation + 1e-3)
    }
  }

  @Test func anImageWithoutForegroundIsVisitedOnce() {
    let images = ImageClasses(labels: [[-1, -1], [], [2, 2, -1, 0], [0]], classCount: 4)
    #expect(images.imageCounts == [2, 0, 1, 0])
    #expect(images.classes(ofImage: 2).map(\.classIndex) == [0, 2])
    #expect(images.classes(ofImage: 2).map(\.roiCount) == [1, 2])
    // f_0 = 1/2, f_2 = 1/4.
    #expect(RepeatFactorSampling(images, threshold: 1).factors == [1, 1, 2, Float(2.0.squareRoot())])
  }

  /// Category ids of the case are small; they serve as class indices.
  private func classes(_ golden: GoldenCase) throws -> ImageClasses {
    let images = try golden.inputs.lists("images", in: 0...100_000)
    return ImageClasses(
      labels: images.map { $0.map { Int32($0) } }, classCount: (images.joined().max() ?? 0) + 1)
  }
}
