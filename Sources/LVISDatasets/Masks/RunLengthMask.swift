import DurableFiles

/// A binary mask as runs of pixels, column by column, alternately outside and inside the mask.
///
/// What COCO's mask API (Dollár and Lin, cocodataset/cocoapi) calls an RLE. The runs are kept as they were given: runs
/// of length 0 may stand anywhere.
public struct RunLengthMask: Sendable, Equatable {
  /// The height of the image in pixels.
  public let height: Int
  /// The width of the image in pixels.
  public let width: Int
  /// Lengths of the runs; the first one, which may be 0, lies outside the mask.
  public let counts: [UInt32]

  /// Makes a mask from runs.
  ///
  /// - Throws: `MaskError` if they do not cover the image exactly.
  public init(height: Int, width: Int, counts: [UInt32]) throws(MaskError) {
    let pixels = try Self.pixelCount(height: height, width: width)
    let covered = counts.reduce(0) { $0 + Int($1) }
    guard covered == pixels else {
      throw MaskError(.runs, "its runs cover \(covered) pixels, but the mask has \(pixels)")
    }
    self.init(height: height, width: width, validCounts: counts)
  }

  init(height: Int, width: Int, validCounts: [UInt32]) {
    self.height = height
    self.width = width
    counts = validCounts
  }

  /// The pixels of an image.
  ///
  /// - Throws: `MaskError` where they are more than run lengths can count.
  static func pixelCount(height: Int, width: Int) throws(MaskError) -> Int {
    let (pixels, overflow) = height.multipliedReportingOverflow(by: width)
    guard height >= 0, width >= 0, !overflow, pixels <= Int(UInt32.max) else {
      throw MaskError(.size, "its size \(height) × \(width) is not that of an image")
    }
    return pixels
  }

  /// The number of pixels inside.
  public var area: Int { counts.withUnsafeBufferPointer { MaskRuns.area($0) } }

  /// The smallest box around the pixels inside; zero by zero at the origin for an empty mask.
  public var boundingBox: BoundingBox {
    counts.withUnsafeBufferPointer { MaskRuns.boundingBox($0, height: height, width: width) }
  }
}

/// Why something is no mask.
public struct MaskError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// The size is not that of an image, or is not known.
    case size
    /// The run lengths cannot be read, or cover another number of pixels.
    case runs
    /// There is no polygon, or one has too few or impossible corners.
    case polygons
  }

  /// The kind of fault.
  public let code: Code
  /// What is wrong, to be read behind the name of the mask.
  public let description: String

  package init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

/// Areas and boxes of run lengths, computed without copying them.
package enum MaskRuns {
  /// The number of pixels inside.
  package static func area(_ counts: UnsafeBufferPointer<UInt32>) -> Int {
    var area = 0
    var index = 1
    while index < counts.count {
      area += Int(counts[index])
      index += 2
    }
    return area
  }

  /// The box that COCO's `rleToBbox` gives, which for a run of length 0 takes in the pixel before it.
  package static func boundingBox(_ counts: UnsafeBufferPointer<UInt32>, height: Int, width: Int) -> BoundingBox {
    let paired = counts.count / 2 * 2
    guard paired > 0, height > 0 else { return BoundingBox(x: 0, y: 0, width: 0, height: 0) }
    let height = UInt32(truncatingIfNeeded: height)
    var (left, top) = (UInt32(truncatingIfNeeded: width), height)
    var (right, bottom): (UInt32, UInt32) = (0, 0)
    var position: UInt32 = 0
    var index = 0
    while index < paired {
      let start = position &+ counts[index]
      let end = start &+ counts[index + 1]
      // The first pixel inside and the last one.
      let last = end &- 1
      let (startColumn, startRow) = start.quotientAndRemainder(dividingBy: height)
      let (lastColumn, lastRow) = last.quotientAndRemainder(dividingBy: height)
      left = min(left, startColumn, lastColumn)
      right = max(right, startColumn, lastColumn)
      if startColumn < lastColumn { (top, bottom) = (0, height &- 1) }
      top = min(top, startRow, lastRow)
      bottom = max(bottom, startRow, lastRow)
      position = end
      index += 2
    }
    return BoundingBox(
      x: Double(left), y: Double(top), width: Double(right &- left &+ 1), height: Double(bottom &- top &+ 1))
  }
}
