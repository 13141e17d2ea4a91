import DenseLinearAlgebra
import Dispatch
import Synchronization
import Testing

@Suite struct ParallelTests {
  @Test(arguments: [0, 1, 2, 7, 1000], [1, 2, 3, 64]) func everyPieceIsDoneOnce(count: Int, threads: Int) {
    let done = Counts(count)
    inParallel(count: count, threads: threads) { done.add($0) }
    #expect(done.values == Array(repeating: 1, count: count))
  }

  @Test func regionsFollowEachOther() {
    let done = Counts(8)
    for _ in 0..<2000 { inParallel(parts: 8) { done.add($0) } }
    #expect(done.values == Array(repeating: 2000, count: 8))
  }

  /// A region inside another, and regions of several threads at once, find the team taken.
  @Test func regionsMayBeNested() {
    let done = Counts(64)
    DispatchQueue.concurrentPerform(iterations: 4) { outer in
      for _ in 0..<50 {
        inParallel(count: 4, threads: 4) { middle in
          inParallel(count: 4, threads: 4) { inner in done.add((outer * 4 + middle) * 4 + inner) }
        }
      }
    }
    #expect(done.values == Array(repeating: 50, count: 64))
  }

  /// What the pieces wrote is seen behind the region.
  @Test func resultsAreThereAfterwards() {
    var values = [Int](repeating: 0, count: 4096)
    for round in 1...200 {
      values.withUnsafeMutableBufferPointer { values in
        nonisolated(unsafe) let values = values
        inParallel(count: values.count, threads: 4) { values[$0] += round }
      }
    }
    #expect(values == Array(repeating: 20100, count: 4096))
  }

  private final class Counts: Sendable {
    private let storage: Mutex<[Int]>
    init(_ count: Int) { storage = Mutex(Array(repeating: 0, count: count)) }
    func add(_ index: Int) { storage.withLock { $0[index] += 1 } }
    var values: [Int] { storage.withLock { $0 } }
  }
}
