/// A number by which scores are sorted from the highest down: the lower, the higher the score; equal for −0 and 0.
@inline(__always)
func descendingRank(of score: Double) -> UInt64 {
  // Adding 0 makes 0 of −0.
  let bits = (score + 0).bitPattern
  return bits >> 63 == 0 ? ~(bits | 1 << 63) : bits
}

extension [Verdict] {
  /// Whether images ascend, and in each the positions.
  var isInImageOrder: Bool {
    withUnsafeBufferPointer { verdicts in
      for index in 1..<Swift.max(1, verdicts.count) {
        let (a, b) = (verdicts[index - 1], verdicts[index])
        guard a.image < b.image || a.image == b.image && a.order < b.order else { return false }
      }
      return true
    }
  }

  /// The verdicts by descending score, equal ones in their order.
  ///
  /// - Complexity: O(n): a radix sort of ranks and places, eleven bits at a time, those left out in which all agree. The
  ///   scores of detectors are single precision, which leaves four of six passes at most.
  func stablySortedByScore() -> [Verdict] {
    guard count > 1 else { return self }
    var entries = [RankedPlace](unsafeUninitializedCapacity: count) { buffer, initialized in
      for (place, verdict) in enumerated() {
        buffer.initializeElement(
          at: place,
          to: RankedPlace(rank: descendingRank(of: verdict.score), place: UInt32(truncatingIfNeeded: place)))
      }
      initialized = count
    }
    if count < 256 { entries.sort() } else { entries.sortByRadix() }
    return [Verdict](unsafeUninitializedCapacity: count) { buffer, initialized in
      for (place, entry) in entries.enumerated() { buffer.initializeElement(at: place, to: self[Int(entry.place)]) }
      initialized = count
    }
  }
}

/// An element's rank and its place before sorting.
private struct RankedPlace: Comparable {
  var rank: UInt64
  var place: UInt32

  @inline(__always)
  static func < (a: Self, b: Self) -> Bool { a.rank != b.rank ? a.rank < b.rank : a.place < b.place }
}

extension [RankedPlace] {
  /// Sorts by ascending rank, equal ones in their order.
  fileprivate mutating func sortByRadix() {
    let digitBits = 11
    let digits = 1 << digitBits
    let count = count
    var other = self
    var starts = [Int](repeating: 0, count: digits)
    for shift in stride(from: 0, to: 64, by: digitBits) {
      @inline(__always)
      func digit(_ entry: RankedPlace) -> Int { Int(truncatingIfNeeded: entry.rank >> UInt64(shift)) & (digits - 1) }
      let isSettled = withUnsafeMutableBufferPointer { source in
        starts.withUnsafeMutableBufferPointer { starts in
          starts.update(repeating: 0)
          for index in 0..<count { starts[digit(source[index])] += 1 }
          if starts[digit(source[0])] == count { return true }
          var sum = 0
          for value in 0..<digits { (starts[value], sum) = (sum, sum + starts[value]) }
          other.withUnsafeMutableBufferPointer { target in
            for index in 0..<count {
              let value = digit(source[index])
              target[starts[value]] = source[index]
              starts[value] += 1
            }
          }
          return false
        }
      }
      if !isSettled { swap(&self, &other) }
    }
  }
}
