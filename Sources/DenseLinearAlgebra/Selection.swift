extension Array {
  /// Moves the elements that a sort would put first to the front, in no particular order.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - comesBefore: A strict order in which no two elements are equal.
  /// - Complexity: O(n) on average.
  @inlinable
  package mutating func moveFirst(_ count: Int, by comesBefore: (Element, Element) -> Bool) {
    // What stands before `low` belongs to them, what stands from `high` on does not.
    var (low, high) = (0, self.count)
    while low < count, count < high {
      // The median of three, in the last place.
      let (middle, last) = ((low + high) / 2, high - 1)
      if comesBefore(self[middle], self[low]) { swapAt(low, middle) }
      if comesBefore(self[last], self[low]) { swapAt(low, last) }
      if comesBefore(self[middle], self[last]) { swapAt(middle, last) }
      let pivot = self[last]
      var next = low
      for index in low..<last where comesBefore(self[index], pivot) {
        swapAt(index, next)
        next += 1
      }
      swapAt(next, last)
      if next < count { low = next + 1 } else { high = next }
    }
  }
}
