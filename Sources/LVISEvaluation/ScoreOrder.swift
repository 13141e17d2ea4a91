/// A number by which scores are sorted from the highest down: the lower, the higher the score; equal for −0 and 0.
@inline(__always)
func descendingRank(of score: Double) -> UInt64 {
  // Adding 0 makes 0 of −0.
  let bits = (score + 0).bitPattern
  return bits >> 63 == 0 ? ~(bits | 1 << 63) : bits
}

extension [Verdict] {
  /// Whether images ascend, and in each the positions.
  private var isInImageOrder: Bool {
    withUnsafeBufferPointer { verdicts in
      for index in 1..<Swift.max(1, verdicts.count) {
        let (a, b) = (verdicts[index - 1], verdicts[index])
        guard a.image < b.image || a.image == b.image && a.order < b.order else { return false }
      }
      return true
    }
  }

  /// The places of the verdicts in the order in which they are accumulated; see `Verdict.precedes`.
  func order() -> [UInt32] {
    guard isInImageOrder else {
      return (0..<UInt32(count)).sorted { Verdict.precedes(self[Int($0)], self[Int($1)]) }
    }
    // As a rule they stand image by image, and in an image in their order: then a stable sort by score does.
    return placesByScore()
  }

  /// - Complexity: O(n): a radix sort of ranks and places, eleven bits at a time, those left out in which all agree. The
  ///   scores of detectors are single precision, which leaves half of the bits and three passes.
  private func placesByScore() -> [UInt32] {
    if let places = placesBySingleScore() { return places }
    var entries = indices.map {
      RankedPlace<UInt64>(rank: descendingRank(of: self[$0].score), place: UInt32(truncatingIfNeeded: $0))
    }
    entries.sortByAscendingRank()
    return entries.map(\.place)
  }

  /// - Returns: `nil` where a score is none of single precision.
  private func placesBySingleScore() -> [UInt32]? {
    var entries: [RankedPlace<UInt32>] = []
    entries.reserveCapacity(count)
    for place in indices {
      let score = self[place].score
      let single = Float(score)
      guard Double(single) == score else { return nil }
      // As `descendingRank`.
      let bits = (single + 0).bitPattern
      entries.append(
        RankedPlace(rank: bits >> 31 == 0 ? ~(bits | 1 << 31) : bits, place: UInt32(truncatingIfNeeded: place)))
    }
    entries.sortByAscendingRank()
    return entries.map(\.place)
  }
}

/// An element's rank and its place before sorting.
private struct RankedPlace<Rank: FixedWidthInteger & UnsignedInteger & Sendable>: Comparable, Sendable {
  var rank: Rank
  var place: UInt32

  @inline(__always)
  static func < (a: Self, b: Self) -> Bool { a.rank != b.rank ? a.rank < b.rank : a.place < b.place }
}

extension Array {
  /// Sorts by ascending rank, equal ones in their order.
  @inline(__always)
  fileprivate mutating func sortByAscendingRank<Rank>() where Element == RankedPlace<Rank> {
    if count < 256 { sort() } else { sortByRadix() }
  }

  @inline(__always)
  private mutating func sortByRadix<Rank>() where Element == RankedPlace<Rank> {
    let digitBits = 11
    let digits = 1 << digitBits
    let count = count
    var other = self
    var starts = [Int](repeating: 0, count: digits)
    for shift in stride(from: 0, to: Rank.bitWidth, by: digitBits) {
      @inline(__always)
      func digit(_ entry: Element) -> Int { Int(truncatingIfNeeded: entry.rank >> Rank(shift)) & (digits - 1) }
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
