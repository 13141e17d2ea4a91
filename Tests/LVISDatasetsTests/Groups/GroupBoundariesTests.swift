import DenseLinearAlgebra
import Foundation
import LVISDatasets
import Testing

@Suite struct GroupBoundariesTests {
  @Test func readsListsAndAuto() {
    #expect(GroupBoundaries("10,100,1000") == .counts([10, 100, 1000]))
    #expect(GroupBoundaries("10, 100") == .counts([10, 100]))
    #expect(GroupBoundaries("auto:4") == .naturalBreaks(groups: 4))
    #expect(GroupBoundaries("") == nil && GroupBoundaries("10,") == nil)
    for text in ["auto:", "auto:0", "auto:x", "groups.json", "10;20", "10,b"] {
      #expect(GroupBoundaries(text) == nil, "\(text)")
    }
    for text in ["10,100,1000", "auto:4"] { #expect(GroupBoundaries(text)?.description == text) }
    // One group has no boundary, and its text must be read again.
    #expect(GroupBoundaries.counts([]).description == "auto:1")
  }

  @Test func findsObviousBreaks() throws {
    #expect(try naturalBreaks(of: [1, 2, 1, 50, 60, 4000, 5000, 45], groups: 3) == [45, 4000])
    #expect(try naturalBreaks(of: [7, 7, 7], groups: 1) == [])
    // 0 and 1 are the same, and a boundary at 1 would leave G1 for 0 alone.
    #expect(try naturalBreaks(of: [0, 1, 1, 9], groups: 2) == [9])
  }

  /// Against all ways to divide.
  @Test func isTheLeastSumOfSquares() throws {
    var generator = SeededGenerator(seed: 5)
    for _ in 0..<60 {
      let counts = (0..<Int.random(in: 1...14, using: &generator)).map { _ in
        Int(exp(Double.random(in: 0...8, using: &generator)))
      }
      let distinct = Set(counts.map { max(1, $0) }).sorted()
      for groups in 1...min(5, distinct.count) {
        let found = try naturalBreaks(of: counts, groups: groups)
        #expect(found.count == groups - 1 && zip(found, found.dropFirst()).allSatisfy(<))
        var least = Double.infinity
        forEachChoice(of: groups - 1, from: Array(distinct.dropFirst())) { least = min(least, cost(counts, $0)) }
        #expect(cost(counts, found) <= least * (1 + 1e-9) + 1e-12, "\(counts) \(groups)")
      }
    }
  }

  @Test func refusesMoreGroupsThanDifferentCounts() {
    #expect(throws: CategoryGroupsError.self) { try naturalBreaks(of: [5, 5, 0, 1], groups: 3) }
  }

  private func cost(_ counts: [Int], _ boundaries: [Int]) -> Double {
    var groups: [Int: [Double]] = [:]
    for count in counts {
      groups[boundaries.firstIndex { count < $0 } ?? boundaries.count, default: []].append(log(Double(max(1, count))))
    }
    return groups.values.reduce(0) { total, logs in
      let mean = logs.reduce(0, +) / Double(logs.count)
      return total + logs.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    }
  }

  private func forEachChoice(of count: Int, from values: [Int], _ body: ([Int]) -> Void) {
    guard count > 0 else { return body([]) }
    for (index, value) in values.enumerated() {
      forEachChoice(of: count - 1, from: Array(values[(index + 1)...])) { body([value] + $0) }
    }
  }
}
