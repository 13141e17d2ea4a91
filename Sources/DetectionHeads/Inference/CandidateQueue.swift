/// A RoI and a class whose score passed the threshold, in 64 bits that order as candidates are taken: by descending
/// score, and of equal scores by ascending place, RoI by RoI and class by class.
struct Candidate: Comparable {
  private let key: UInt64

  /// - Parameters:
  ///   - score: Not negative.
  ///   - place: RoI × classes + class, below 2³².
  init(score: Float, place: Int) {
    key = UInt64(score.bitPattern) << 32 | UInt64(~UInt32(truncatingIfNeeded: place))
  }

  var score: Float { Float(bitPattern: UInt32(key >> 32)) }
  var place: Int { Int(~UInt32(truncatingIfNeeded: key)) }

  /// Whether `left` is taken after `right`.
  static func < (left: Candidate, right: Candidate) -> Bool { left.key < right.key }
}

/// Candidates in the order in which they are taken.
///
/// A binary heap: of ten thousands of candidates only the first few hundreds are asked for.
struct CandidateQueue {
  private var heap: [Candidate]

  /// - Complexity: O(n).
  init(_ candidates: [Candidate]) {
    heap = candidates
    for index in stride(from: heap.count / 2 - 1, through: 0, by: -1) { sink(heap[index], into: index) }
  }

  /// Takes the first candidate.
  ///
  /// - Complexity: O(log n).
  mutating func next() -> Candidate? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty { sink(last, into: 0) }
    return first
  }

  private mutating func sink(_ candidate: Candidate, into index: Int) {
    heap.withUnsafeMutableBufferPointer { heap in
      var hole = index
      while 2 * hole + 1 < heap.count {
        var child = 2 * hole + 1
        if child + 1 < heap.count && heap[child] < heap[child + 1] { child += 1 }
        if heap[child] <= candidate { break }
        heap[hole] = heap[child]
        hole = child
      }
      heap[hole] = candidate
    }
  }
}
