/// max |a − b| / max |b|, the measure by which gradients are compared, or max |a − b| where b is all zeros.
///
/// Infinite where the sizes differ, where there is nothing to compare, and where a difference is not a number.
public func largestDifference<A: BinaryFloatingPoint, B: BinaryFloatingPoint>(_ a: [A], _ b: [B]) -> Double {
  guard a.count == b.count, !b.isEmpty else { return .infinity }
  var (scale, difference) = (0.0, 0.0)
  for (x, y) in zip(a, b) {
    let distance = abs(Double(x) - Double(y))
    guard distance.isFinite else { return .infinity }
    difference = max(difference, distance)
    scale = max(scale, abs(Double(y)))
  }
  return difference / (scale > 0 ? scale : 1)
}

/// |a − b| / |b|, or |a − b| where b is 0.
public func relativeDifference<A: BinaryFloatingPoint>(_ a: A, _ b: Double) -> Double { largestDifference([a], [b]) }
