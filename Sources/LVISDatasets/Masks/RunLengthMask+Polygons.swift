extension RunLengthMask {
  /// Draws polygons as COCO's mask API does, their union being the mask.
  ///
  /// Corners are rounded to fifths of a pixel; where an edge passes the middle fifth of a column, the rows below it
  /// change sides. Polygons may cross themselves (even-odd) and reach beyond the image.
  ///
  /// - Parameters:
  ///   - polygons: Corners x, y, x, y... in pixels.
  ///   - height: Rows of the image.
  ///   - width: Columns of the image.
  /// - Throws: `MaskError` for no polygon at all, one of too few corners (three, or two behind the first polygon, as in
  ///   that API), half a corner, or a coordinate that is not finite or beyond any image.
  public init(polygons: [[Double]], height: Int, width: Int) throws(MaskError) {
    guard !polygons.isEmpty else { throw MaskError(.polygons, "it has no polygon") }
    let pixels = try Self.pixelCount(height: height, width: width)
    var union: [UInt32] = []
    for (index, polygon) in polygons.enumerated() {
      let name = polygons.count == 1 ? "its polygon" : "polygon \(index)"
      guard polygon.count % 2 == 0 else { throw MaskError(.polygons, "\(name) has an odd number of coordinates") }
      guard polygon.count >= (index == 0 ? 6 : 4) else {
        throw MaskError(.polygons, "\(name) has fewer than three corners: \(polygon.count) numbers")
      }
      guard polygon.allSatisfy({ abs($0) < 1e8 }) else {
        throw MaskError(.polygons, "\(name) has a coordinate that is not finite or beyond any image")
      }
      let counts = PolygonRaster.counts(polygon, height: height, width: width, pixels: pixels)
      union = index == 0 ? counts : MaskRuns.union(union, counts)
    }
    self.init(height: height, width: width, validCounts: union)
  }

  /// The corners of a box, in the order in which COCO's tools write it as a polygon.
  public static func corners(of box: BoundingBox) -> [Double] {
    let (right, bottom) = (box.x + box.width, box.y + box.height)
    return [box.x, box.y, box.x, bottom, right, bottom, right, box.y]
  }
}

/// COCO's `rleFrPoly`, evaluated only where it matters.
///
/// The original walks every fifth of a pixel along every edge. What comes of that are the places where an edge passes
/// from fifth 5x + 2 to fifth 5x + 3 of a column x of the image; here those are computed directly, by the same
/// floating-point expressions.
private enum PolygonRaster {
  static func counts(_ polygon: [Double], height: Int, width: Int, pixels: Int) -> [UInt32] {
    let corners = polygon.count / 2
    // Truncation towards 0 after adding one half, as a C cast does.
    let fifths = polygon.map { Int(5 * $0 + 0.5) }
    var passages: [UInt32] = []
    for corner in 0..<corners {
      let next = corner + 1 < corners ? corner + 1 : 0
      addPassages(
        from: (fifths[2 * corner], fifths[2 * corner + 1]), to: (fifths[2 * next], fifths[2 * next + 1]),
        height: height, width: width, to: &passages)
    }
    passages.sort()
    return runs(between: passages, pixels: pixels)
  }

  private static func addPassages(
    from: (x: Int, y: Int), to: (x: Int, y: Int), height: Int, width: Int, to passages: inout [UInt32]
  ) {
    let (dx, dy) = (abs(to.x - from.x), abs(to.y - from.y))
    guard dx > 0 else { return }
    let isFlat = dx >= dy
    let flip = isFlat ? from.x > to.x : from.y > to.y
    let (start, end) = flip ? (to, from) : (from, to)
    let (low, high) = (min(from.x, to.x), max(from.x, to.x))
    // Columns whose fifths 5x + 2 and 5x + 3 both lie on the edge.
    let firstColumn = max(0, (low - 2 + 4).flooredDivision(by: 5))
    let lastColumn = min(width - 1, (high - 3).flooredDivision(by: 5))
    guard firstColumn <= lastColumn else { return }

    if isFlat {
      let slope = Double(end.y - start.y) / Double(dx)
      func row(_ step: Int) -> Int { Int(Double(start.y) + slope * Double(step) + 0.5) }
      for column in firstColumn...lastColumn {
        let step = 5 * column + 2 - start.x
        passages.append(position(column: column, fifth: min(row(step), row(step + 1)), height: height))
      }
    } else {
      let slope = Double(end.x - start.x) / Double(dy)
      func fifth(_ step: Int) -> Int { Int(Double(start.x) + slope * Double(step) + 0.5) }
      for column in firstColumn...lastColumn {
        // The first step on the far side: a guess, then the exact place by the exact expression.
        let target = slope > 0 ? 5 * column + 3 : 5 * column + 2
        func isPast(_ step: Int) -> Bool { slope > 0 ? fifth(step) >= target : fifth(step) <= target }
        let bound = slope > 0 ? Double(target) - 0.5 : Double(target) + 0.5
        var step = min(max(Int(((bound - Double(start.x)) / slope).rounded()), 0), dy)
        while step > 0 && isPast(step - 1) { step -= 1 }
        while step < dy && !isPast(step) { step += 1 }
        guard step > 0, isPast(step) else { continue }
        passages.append(position(column: column, fifth: start.y + step - 1, height: height))
      }
    }
  }

  /// The first pixel below a passage, counted down the columns.
  @inline(__always)
  private static func position(column: Int, fifth: Int, height: Int) -> UInt32 {
    let row = min(max((Double(fifth) + 0.5) / 5 - 0.5, 0), Double(height)).rounded(.up)
    return UInt32(truncatingIfNeeded: column * height + Int(row))
  }

  /// Every passage changes sides; two at the same place cancel each other.
  private static func runs(between passages: [UInt32], pixels: Int) -> [UInt32] {
    var counts: [UInt32] = []
    counts.reserveCapacity(passages.count + 1)
    var previous: UInt32 = 0
    var index = 0
    while index < passages.count {
      if index + 1 < passages.count && passages[index] == passages[index + 1] {
        index += 2
        continue
      }
      counts.append(passages[index] - previous)
      previous = passages[index]
      index += 1
    }
    let rest = UInt32(truncatingIfNeeded: pixels) - previous
    if rest > 0 || counts.isEmpty { counts.append(rest) }
    return counts
  }
}

extension Int {
  fileprivate func flooredDivision(by divisor: Int) -> Int {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}
