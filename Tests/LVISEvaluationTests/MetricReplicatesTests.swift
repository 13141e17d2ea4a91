import Foundation
import LVISDatasets
import LVISEvaluation
import TestSupport
import Testing

@Suite struct MetricReplicatesTests {
  /// Replicates of two sets, taken one after the other, give the intervals of their comparison.
  @Test func differencesAreThoseOfTheComparison() throws {
    var compared = 0
    for seed in 0..<UInt64(30) {
      var data = RandomData(seed: seed, isTied: false)
      data.options.iouType = .bbox
      data.options.maxDetectionsPerCategory = nil
      for index in data.results.indices { data.results[index].hasBox = true }
      let evaluator = try LVISEvaluator(groundTruth: data.dataset, options: data.options)
      let all = evaluator.score(try evaluator.prepare(data.columns))
      let results = data.results
      let half = RandomData.columns(results.indices.filter { $0 % 2 == 0 }.map { results[$0] })
      let some = evaluator.score(try evaluator.prepare(half))
      let comparison = evaluator.compare(some, with: all, replicates: 50, seed: seed)
      let (before, after) = (
        evaluator.replicates(of: some, count: 50, seed: seed), evaluator.replicates(of: all, count: 50, seed: seed)
      )
      #expect(before.names == comparison.metrics.map(\.name) && before.values.count == 50)
      for entry in comparison.metrics {
        let interval = MetricReplicates.interval(of: entry.name, from: [before], to: [after])
        #expect((interval == nil) == (entry.interval == nil), "seed \(seed) \(entry.name)")
        guard let interval, let expected = entry.interval else { continue }
        #expect(abs(interval.lowerBound - expected.lowerBound) < 1e-6)
        #expect(abs(interval.upperBound - expected.upperBound) < 1e-6)
        compared += 1
      }
    }
    #expect(compared > 20)
  }

  /// Trainings that differ widen the interval, by how much they differ.
  @Test func trainingsAreDrawnToo() throws {
    func replicates(_ value: Float) throws -> MetricReplicates {
      try #require(MetricReplicates(names: ["AP"], seed: 1, values: Array(repeating: [value], count: 400)))
    }
    let first = [try replicates(0.5)]
    let alone = try #require(MetricReplicates.interval(of: "AP", from: first, to: [try replicates(0.625)]))
    #expect(alone == 0.125...0.125)
    let two = try #require(
      MetricReplicates.interval(of: "AP", from: first, to: [try replicates(0.5), try replicates(0.75)]))
    #expect(two == 0...0.25)
    #expect(MetricReplicates.interval(of: "APr", from: first, to: first) == nil)
    let other = try #require(MetricReplicates(names: ["AP"], seed: 2, values: Array(repeating: [0.5], count: 400)))
    #expect(MetricReplicates.interval(of: "AP", from: first, to: [other]) == nil)
    #expect(MetricReplicates(names: ["AP"], seed: 1, values: [[]]) == nil)
    let ragged = Data(#"{"names": ["AP", "APr"], "seed": 1, "values": [[0.5, 0.5], [0.5]]}"#.utf8)
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(MetricReplicates.self, from: ragged) }
  }
}
