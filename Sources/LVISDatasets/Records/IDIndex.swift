/// Finds the position of an id: by a table where the ids lie close together, by binary search elsewhere.
public struct IDIndex: Sendable {
  /// The ids, strictly ascending.
  public let ids: [Int]
  @usableFromInline let lowest: Int
  /// Position by id − lowest, −1 for none; empty where the ids lie too far apart.
  @usableFromInline let table: [Int32]

  /// The number of ids in the index.
  public var count: Int { ids.count }

  /// Makes an index of ids in any order; one that is given twice has one position.
  @inlinable
  public init(_ ids: some Sequence<Int>) { self.init(anyOrder: Array(ids)) }

  @usableFromInline
  init(anyOrder ids: [Int]) {
    if zip(ids, ids.dropFirst()).allSatisfy(<) {
      self.init(ascending: ids)
      return
    }
    var unique: [Int] = []
    unique.reserveCapacity(ids.count)
    for id in ids.sorted() where unique.last != id { unique.append(id) }
    self.init(ascending: unique)
  }

  /// Makes an index.
  ///
  /// - Parameter ids: Strictly ascending.
  public init(ascending ids: [Int]) {
    self.ids = ids
    lowest = ids.first ?? 0
    let (span, overflow) = (ids.last ?? 0).subtractingReportingOverflow(lowest)
    guard !overflow, span < max(1 << 20, 8 * ids.count), !ids.isEmpty, ids.count < Int32.max else {
      table = []
      return
    }
    var table = [Int32](repeating: -1, count: span + 1)
    for (position, id) in ids.enumerated() { table[id - lowest] = Int32(position) }
    self.table = table
  }

  /// The position of `id`, or `nil` where it is unknown.
  ///
  /// - Complexity: O(1) where the ids lie close together, else O(log n).
  @inlinable @inline(__always)
  public func position(of id: Int) -> Int? {
    if !table.isEmpty {
      // Wraps where the true distance is beyond Int; as an unsigned number it is right either way.
      let offset = UInt(bitPattern: id &- lowest)
      guard id >= lowest, offset < UInt(table.count) else { return nil }
      let position = table[Int(offset)]
      return position < 0 ? nil : Int(position)
    }
    var low = 0
    var high = ids.count
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < ids.count && ids[low] == id ? low : nil
  }
}
