/// The median of each value and its neighbours; the window is cut off at the ends.
///
/// - Parameters:
///   - values: In their order.
///   - window: How many values each median is taken over; an even number counts as the odd one above.
/// - Returns: As many medians.
/// - Complexity: O(n · window log window).
public func runningMedian(_ values: [Double], window: Int) -> [Double] {
  let reach = min(max(0, window / 2), values.count)
  return values.indices.map { index in
    median(values[max(0, index - reach)...min(values.count - 1, index + reach)])
  }
}

/// The middle value, or the mean of the two in the middle; NaN where there is none.
func median(_ values: some Collection<Double>) -> Double {
  guard !values.isEmpty else { return .nan }
  let sorted = values.sorted()
  let middle = sorted.count / 2
  return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/// The mean; `nil` where there is no value.
func mean(_ values: some Collection<Double>) -> Double? {
  values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
}
