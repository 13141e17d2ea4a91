/// The bounding box of a mask's pixels, one bit a pixel; its rows begin and end at multiples of 64.
package struct MaskBitmap: Sendable {
  private let height: Int
  private let firstColumn: Int
  private let columnCount: Int
  /// The box's first rows, in words of 64.
  private let firstWord: Int
  private let wordsPerColumn: Int
  /// Column by column; the lowest bit of a column's first word is its top row.
  private var words: [UInt64]

  /// Paints a mask's runs.
  package init(_ counts: UnsafeBufferPointer<UInt32>, height: Int, width: Int) {
    self.height = height
    // Not that of pycocotools (`rleToBbox`), which is wrong where a mask begins with an empty run.
    let (rows, columns) = Self.box(of: counts, height: height)
    firstWord = rows.lowerBound / 64
    wordsPerColumn = (rows.upperBound + 63) / 64 - firstWord
    firstColumn = columns.lowerBound
    columnCount = columns.count
    words = [UInt64](repeating: 0, count: columnCount * wordsPerColumn)
    var position = 0
    for (index, count) in counts.enumerated() {
      if index % 2 == 1 && count > 0 { paint(position..<(position + Int(count))) }
      position += Int(count)
    }
  }

  /// The rows and columns from the first painted pixel to the last.
  private static func box(
    of counts: UnsafeBufferPointer<UInt32>, height: Int
  ) -> (rows: Range<Int>, columns: Range<Int>) {
    var position = 0
    var painted: Range<Int>?
    var (top, bottom) = (height, 0)
    for (index, count) in counts.enumerated() {
      let end = position + Int(count)
      if index % 2 == 1 && count > 0 {
        painted = (painted?.lowerBound ?? position)..<end
        let (column, row) = position.quotientAndRemainder(dividingBy: height)
        // A run that goes on in the next column reaches the bottom and begins again at the top.
        let wraps = end > (column + 1) * height
        top = wraps ? 0 : min(top, row)
        bottom = wraps ? height : max(bottom, end - column * height)
      }
      position = end
    }
    guard let painted else { return (0..<0, 0..<0) }
    return (top..<bottom, painted.lowerBound / height..<(painted.upperBound - 1) / height + 1)
  }

  private mutating func paint(_ pixels: Range<Int>) {
    var start = pixels.lowerBound
    while start < pixels.upperBound {
      let (column, row) = start.quotientAndRemainder(dividingBy: height)
      let end = min(pixels.upperBound, (column + 1) * height)
      let base = (column - firstColumn) * wordsPerColumn - firstWord
      let lastRow = row + (end - start) - 1
      for word in (row / 64)...(lastRow / 64) {
        var bits = UInt64.max
        if word == row / 64 { bits &= .max << UInt64(row % 64) }
        if word == lastRow / 64 { bits &= .max >> UInt64(63 - lastRow % 64) }
        words[base + word] |= bits
      }
      start = end
    }
  }

  /// The number of pixels inside.
  package var area: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// The pixels within `distance` of a pixel outside, along rows, columns and diagonals; what lies beyond the image
  /// is outside (Cheng et al., CVPR 2021: erosion by a 3 × 3 element, `distance` times).
  package func boundary(distance: Int) -> MaskBitmap {
    var eroded = self
    // An erosion that often is one by a square, whose sides can be taken one after the other.
    for column in 0..<columnCount { eroded.erodeColumn(column, distance: distance) }
    eroded.erodeRows(distance: distance)
    for index in words.indices { eroded.words[index] = words[index] & ~eroded.words[index] }
    return eroded
  }

  /// Keeps the pixels whose neighbours up to `distance` above and below are inside.
  private mutating func erodeColumn(_ column: Int, distance: Int) {
    // A stretch of 2 · distance + 1 pixels is the union of two stretches of a power of 2: few steps for any distance.
    let length = 2 * distance + 1
    var reached = 1
    while reached < length {
      let step = min(reached, length - reached)
      intersect(column, shiftedUpBy: step)
      reached += step
    }
    shiftDown(column, by: distance)
  }

  /// Each pixel stays where the one `shift` rows below is inside too.
  private mutating func intersect(_ column: Int, shiftedUpBy shift: Int) {
    let base = column * wordsPerColumn
    let (skipped, bits) = shift.quotientAndRemainder(dividingBy: 64)
    for word in 0..<wordsPerColumn {
      let low = word + skipped < wordsPerColumn ? words[base + word + skipped] : 0
      let high = word + skipped + 1 < wordsPerColumn ? words[base + word + skipped + 1] : 0
      words[base + word] &= bits == 0 ? low : low >> UInt64(bits) | high << UInt64(64 - bits)
    }
  }

  private mutating func shiftDown(_ column: Int, by shift: Int) {
    let base = column * wordsPerColumn
    let (skipped, bits) = shift.quotientAndRemainder(dividingBy: 64)
    for word in stride(from: wordsPerColumn - 1, through: 0, by: -1) {
      let high = word >= skipped ? words[base + word - skipped] : 0
      let low = word >= skipped + 1 ? words[base + word - skipped - 1] : 0
      words[base + word] = bits == 0 ? high : high << UInt64(bits) | low >> UInt64(64 - bits)
    }
  }

  /// Keeps the pixels whose neighbours up to `distance` to the left and right are inside.
  private mutating func erodeRows(distance: Int) {
    let length = 2 * distance + 1
    var reached = 1
    while reached < length {
      let step = min(reached, length - reached)
      for word in 0..<(columnCount * wordsPerColumn) {
        let other = word + step * wordsPerColumn
        words[word] &= other < words.count ? words[other] : 0
      }
      reached += step
    }
    let shift = min(distance, columnCount) * wordsPerColumn
    for word in stride(from: words.count - 1, through: 0, by: -1) {
      words[word] = word >= shift ? words[word - shift] : 0
    }
  }

  /// Intersection over union of masks of one size.
  package func intersectionOverUnion(with other: MaskBitmap, isCrowd: Bool = false) -> Double {
    let columns =
      max(
        firstColumn, other.firstColumn)..<max(
        max(firstColumn, other.firstColumn), min(firstColumn + columnCount, other.firstColumn + other.columnCount))
    let lowestWord = max(firstWord, other.firstWord)
    let sharedWords =
      lowestWord..<max(
        lowestWord, min(firstWord + wordsPerColumn, other.firstWord + other.wordsPerColumn))
    var intersection = 0
    for column in columns {
      let own = (column - firstColumn) * wordsPerColumn - firstWord
      let others = (column - other.firstColumn) * other.wordsPerColumn - other.firstWord
      for word in sharedWords {
        intersection += (words[own + word] & other.words[others + word]).nonzeroBitCount
      }
    }
    guard intersection > 0 else { return 0 }
    return Double(intersection) / Double(isCrowd ? area : area + other.area - intersection)
  }
}

extension RunLengthMask {
  /// The distance in pixels that a boundary reaches into an image's masks: a fiftieth of the diagonal unless told
  /// otherwise, at least 1.
  ///
  /// - Parameters:
  ///   - height: The height of the image in pixels.
  ///   - width: The width of the image in pixels.
  ///   - ratio: The share of the diagonal; .02 in Cheng et al.
  public static func boundaryDistance(height: Int, width: Int, ratio: Double = 0.02) -> Int {
    let diagonal = (Double(height) * Double(height) + Double(width) * Double(width)).squareRoot()
    return max(1, Int((ratio * diagonal).rounded(.toNearestOrEven)))
  }

  /// Intersection over union of the masks' boundaries (Cheng et al., CVPR 2021, arXiv 2103.16562).
  ///
  /// - Returns: −1 where the masks are of different sizes and their boxes meet, as in COCO's mask API.
  public func boundaryIntersectionOverUnion(with other: RunLengthMask) -> Double {
    guard boundingBox.intersects(other.boundingBox) else { return 0 }
    guard height == other.height, width == other.width else { return -1 }
    let distance = Self.boundaryDistance(height: height, width: width)
    return bitmap.boundary(distance: distance).intersectionOverUnion(with: other.bitmap.boundary(distance: distance))
  }

  package var bitmap: MaskBitmap { counts.withUnsafeBufferPointer { MaskBitmap($0, height: height, width: width) } }
}
