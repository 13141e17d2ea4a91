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
        try classes(golden), threshold: try #require(numbers(golden.hyperparameters["repeat_thresh"]).first))
      #expect(
        sampling.factors == numbers(golden.outputs["repeat_factors_float32"]).map { Float($0) }, "\(golden.label)")
      let uniforms = numbers(golden.outputs["given_uniforms"]).map { Float($0) }
      #expect(
        sampling.visits(uniforms: uniforms) == integers(golden.outputs["epoch_indices_given_uniforms"]),
        "\(golden.label)")
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
    let images = try #require(golden.inputs["images"] as? [[Any]])
    let labels = images.map { integers($0).map { Int32($0) } }
    return ImageClasses(labels: labels, classCount: 20)
  }
}
