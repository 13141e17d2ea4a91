extension ChartRenderer {
  /// How many points a mark may have before those that cannot be told apart are left out.
  static let unthinnedPoints = 2500

  /// The points of a mark that can be seen, and their places: where there are very many, one of those that would lie
  /// within a radius of each other.
  func visible(
    _ mark: PointMark, placed: (ChartPoint) -> (x: Double, y: Double)?
  ) -> [(point: ChartPoint, place: (x: Double, y: Double))] {
    let points = mark.points.compactMap { point in placed(point).map { (point: point, place: $0) } }
    guard points.count > Self.unthinnedPoints else { return points }
    var taken: Set<Cell> = []
    return points.filter { taken.insert(Cell($0.place, size: max(1, mark.radius))).inserted }
  }

  /// The places of a line's points: where there are many more than pixels across, of those above one pixel the first, the
  /// lowest, the highest and the last, which draw the same line. `nil` where a point has no place.
  func thinned(
    _ points: [ChartPoint], placed: (ChartPoint) -> (x: Double, y: Double)?
  ) -> [(x: Double, y: Double)?] {
    let places = points.map(placed)
    guard places.count > Self.unthinnedPoints else { return places }
    var result: [(x: Double, y: Double)?] = []
    var start = 0
    while start < places.count {
      guard let first = places[start] else {
        result.append(nil)
        start += 1
        continue
      }
      var end = start + 1
      var (low, high) = (start, start)
      while end < places.count, let next = places[end], Int(next.x) == Int(first.x) {
        if next.y < places[low]?.y ?? next.y { low = end }
        if next.y > places[high]?.y ?? next.y { high = end }
        end += 1
      }
      for index in Set([start, low, high, end - 1]).sorted() { result.append(places[index]) }
      start = end
    }
    return result
  }
}

/// A square of the figure, of which points within one cannot be told apart.
private struct Cell: Hashable {
  let column: Int
  let row: Int

  init(_ place: (x: Double, y: Double), size: Double) {
    column = Int((place.x / size).rounded(.down))
    row = Int((place.y / size).rounded(.down))
  }
}
