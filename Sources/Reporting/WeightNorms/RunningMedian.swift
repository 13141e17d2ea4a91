/// The median of each value and its neighbours; the window is cut off at the ends.
///
/// - Parameters:
///   - values: In their order; no NaN.
///   - window: How many values each median is taken over; an even number counts as the odd one above.
/// - Returns: As many medians.
/// - Complexity: O(n log n), whatever the window.
public func runningMedian(_ values: [Double], window: Int) -> [Double] {
  let reach = min(max(0, window / 2), values.count)
  // Values by rank, equal ones in their order; the window is then a set of ranks, of which the middle ones are sought.
  let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
  var ranks = [Int](repeating: 0, count: values.count)
  for (rank, index) in order.enumerated() { ranks[index] = rank }
  var members = RankSet(capacity: values.count)
  for index in 0..<min(reach, values.count) { members.insert(ranks[index]) }
  return values.indices.map { index in
    if index + reach < values.count { members.insert(ranks[index + reach]) }
    if index - reach > 0 { members.remove(ranks[index - reach - 1]) }
    let upper = values[order[members.member(at: members.count / 2)]]
    return members.count % 2 == 1 ? upper : (values[order[members.member(at: members.count / 2 - 1)]] + upper) / 2
  }
}

/// A set of the integers 0..<capacity that finds its k-th smallest in O(log capacity): a binary indexed tree (Fenwick
/// 1994).
private struct RankSet {
  private(set) var count = 0
  /// `sums[i]`: how many members lie in the i's lowest set bit numbers up to i − 1.
  private var sums: [Int]
  private let highestStep: Int

  init(capacity: Int) {
    sums = Array(repeating: 0, count: capacity + 1)
    highestStep = capacity == 0 ? 0 : 1 << (Int.bitWidth - 1 - capacity.leadingZeroBitCount)
  }

  mutating func insert(_ member: Int) { add(1, at: member) }
  mutating func remove(_ member: Int) { add(-1, at: member) }

  private mutating func add(_ change: Int, at member: Int) {
    count += change
    var index = member + 1
    while index < sums.count {
      sums[index] += change
      index += index & -index
    }
  }

  /// The member that has `position` smaller ones.
  func member(at position: Int) -> Int {
    var (index, rest, step) = (0, position, highestStep)
    while step > 0 {
      if index + step < sums.count, sums[index + step] <= rest {
        index += step
        rest -= sums[index]
      }
      step /= 2
    }
    return index
  }
}

/// The mean; `nil` where there is no value.
func mean(_ values: some Collection<Double>) -> Double? {
  values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
}
