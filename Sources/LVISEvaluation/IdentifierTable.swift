/// Ids from a file, in ascending order, and the way back from an id to its place.
///
/// A table where the ids lie close together, binary search where they do not: no hashing for each detection.
struct IdentifierTable: Sendable {
  /// Ascending, each once.
  let ids: [Int]
  private let first: Int
  private let places: [Int32]

  /// - Parameter ids: In any order; an id that stands twice gets one place.
  init(_ ids: some Sequence<Int>) {
    var unique: [Int] = []
    for id in ids.sorted() where unique.last != id { unique.append(id) }
    self.ids = unique
    first = unique.first ?? 0
    guard let last = unique.last else {
      places = []
      return
    }
    let (span, overflow) = last.subtractingReportingOverflow(first)
    guard !overflow, span < 1 << 16 || span / 64 < unique.count else {
      places = []
      return
    }
    var places = [Int32](repeating: -1, count: span + 1)
    for (place, id) in unique.enumerated() { places[id - first] = Int32(truncatingIfNeeded: place) }
    self.places = places
  }

  var count: Int { ids.count }

  /// The place of an id; −1 where it is unknown.
  @inline(__always)
  func place(of id: Int) -> Int32 {
    if !places.isEmpty {
      let (offset, overflow) = id.subtractingReportingOverflow(first)
      return !overflow && places.indices.contains(offset) ? places[offset] : -1
    }
    var low = 0
    var high = ids.count
    while low < high {
      let middle = (low + high) / 2
      if ids[middle] < id { low = middle + 1 } else { high = middle }
    }
    return low < ids.count && ids[low] == id ? Int32(truncatingIfNeeded: low) : -1
  }
}
