import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

/// The real implementation against the literal one, and against itself with the input in another order.
@Suite struct PropertyTests {
  @Test func equalsTheLiteralRules() throws {
    for seed in 0..<UInt64(1500) {
      let data = RandomData(seed: seed)
      let own = try LVISEvaluator(groundTruth: data.dataset, options: data.options).evaluate(data.columns)
      let literal = try LiteralEvaluation(dataset: data.dataset, options: data.options).metrics(data.results)
      #expect(Set(own.metrics.map(\.name)) == Set(literal.keys), "seed \(seed)")
      for metric in own.metrics {
        let value = try #require(literal[metric.name])
        #expect(
          abs((metric.value ?? -1) - value) < 1e-12,
          "seed \(seed) \(data.options.iouType) \(data.options.rules): \(metric) \(value)")
      }
    }
  }

  @Test func orderChangesNothingWhereNothingIsTied() throws {
    for seed in 0..<UInt64(200) {
      var data = RandomData(seed: seed, isTied: false)
      // Masks are made of whole pixels and IoUs of 0 are equal: there is always something tied.
      data.options.iouType = .bbox
      data.options.iouThresholds.removeAll { $0 == 0 }
      let first = try LVISEvaluator(groundTruth: data.dataset, options: data.options).evaluate(data.columns)
      var generator = TestGenerator(seed: seed)
      let order = data.dataset.annotations.indices.shuffled(using: &generator)
      var segmentations = SegmentationColumns()
      for index in order { segmentations.append(data.dataset.segmentations?[index]) }
      let shuffled = LVISDataset(
        images: data.dataset.images.shuffled(using: &generator),
        categories: data.dataset.categories.shuffled(using: &generator),
        annotations: order.map { data.dataset.annotations[$0] }, segmentations: segmentations)
      let second = try LVISEvaluator(groundTruth: shuffled, options: data.options)
        .evaluate(RandomData.columns(data.results.shuffled(using: &generator)))
      #expect(first.metrics == second.metrics, "seed \(seed)")
    }
  }
}
