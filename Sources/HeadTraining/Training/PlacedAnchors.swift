import HeadLosses

/// A block of logits of anchors and where its numbers stand.
///
/// Shapes: M locations, A anchors a location; R examples of the block, J logits of each.
struct PlacedAnchors {
  let block: LogitBlock
  /// The anchors of its examples, among the M · A, ascending [R].
  let places: [Int32]
  /// Where all anchors are multiplied: Z [M · A, J]. Else the logits of its examples alone, ordered by anchor [R, J].
  let product: UnsafeMutablePointer<Float>
  /// The logits of its examples in their order [R, J], later their gradient.
  let logits: UnsafeMutablePointer<Float>
  /// For few examples: their positions in the block, ordered by the anchor of their location, and where each anchor's begin;
  /// `nil` where all anchors are multiplied.
  let byAnchor: (positions: [Int32], starts: [Int])?

  /// The position in the block of a row of the logits that are ordered by anchor.
  func position(ofRow row: Int) -> Int { byAnchor.map { Int($0.positions[row]) } ?? row }

  /// Positions by the anchor of their place, in their order within an anchor.
  static func order(_ places: [Int32], anchorCount: Int) -> (positions: [Int32], starts: [Int]) {
    var counts = [Int](repeating: 0, count: anchorCount)
    for place in places { counts[Int(place) % anchorCount] += 1 }
    var starts = [0]
    for count in counts { starts.append((starts.last ?? 0) + count) }
    var next = starts
    var positions = [Int32](repeating: 0, count: places.count)
    for (position, place) in places.enumerated() {
      let anchor = Int(place) % anchorCount
      positions[next[anchor]] = Int32(truncatingIfNeeded: position)
      next[anchor] += 1
    }
    return (positions, starts)
  }
}
