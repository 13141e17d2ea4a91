/// Spearman's rank correlation: the correlation of the ranks, tied values sharing the mean of theirs.
///
/// - Parameters:
///   - first: One value of each pair.
///   - second: The other, as many.
/// - Returns: −1...1; `nil` for fewer than two pairs, where all values of a side are equal, or one is not a number.
/// - Complexity: O(n log n).
public func rankCorrelation(_ first: [Double], _ second: [Double]) -> Double? {
  guard first.count == second.count, first.count > 1, !first.contains(where: \.isNaN), !second.contains(where: \.isNaN)
  else { return nil }
  let a = averagedRanks(first)
  let b = averagedRanks(second)
  // Ranks sum to n(n + 1)/2 however many are tied.
  let mean = Double(first.count + 1) / 2
  var covariance = 0.0
  var varianceA = 0.0
  var varianceB = 0.0
  for (x, y) in zip(a, b) {
    covariance += (x - mean) * (y - mean)
    varianceA += (x - mean) * (x - mean)
    varianceB += (y - mean) * (y - mean)
  }
  guard varianceA > 0, varianceB > 0 else { return nil }
  return covariance / (varianceA * varianceB).squareRoot()
}

/// Ranks from 1, ascending; equal values share the mean of theirs.
package func averagedRanks(_ values: [Double]) -> [Double] {
  let order = values.indices.sorted { (values[$0], $0) < (values[$1], $1) }
  var ranks = [Double](repeating: 0, count: values.count)
  var start = 0
  while start < order.count {
    var end = start + 1
    while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
    for index in order[start..<end] { ranks[index] = Double(start + 1 + end) / 2 }
    start = end
  }
  return ranks
}
