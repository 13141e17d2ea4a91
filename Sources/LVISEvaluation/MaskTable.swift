import LVISDatasets

/// Masks, compressed one behind the other: the smallest form in which they can wait to be compared.
struct MaskTable: Sendable {
  private var bytes: [UInt8] = []
  /// Where each mask's bytes end.
  private var ends: [Int] = []
  private var sizes: [(height: UInt32, width: UInt32)] = []

  var count: Int { ends.count }

  mutating func append(_ mask: RunLengthMask) {
    append(mask.compressedCounts[...], height: mask.height, width: mask.width)
  }

  mutating func append(_ compressedCounts: some Collection<UInt8>, height: Int, width: Int) {
    bytes += compressedCounts
    ends.append(bytes.count)
    sizes.append((UInt32(clamping: height), UInt32(clamping: width)))
  }

  mutating func append(_ other: MaskTable) {
    let offset = bytes.count
    bytes += other.bytes
    ends.append(contentsOf: other.ends.lazy.map { $0 + offset })
    sizes += other.sizes
  }

  /// Unpacks a mask into `mask`, whose memory is used again.
  @inline(__always)
  func unpack(_ index: Int, into mask: inout UnpackedMask) {
    let start = index == 0 ? 0 : ends[index - 1]
    mask.height = Int(sizes[index].height)
    mask.width = Int(sizes[index].width)
    bytes.withUnsafeBufferPointer { buffer in
      // What is in the table was read before: there is no fault left to find.
      _ = MaskRuns.decode(UnsafeBufferPointer(rebasing: buffer[start..<ends[index]]), into: &mask.counts)
    }
    mask.box = mask.counts.withUnsafeBufferPointer {
      MaskRuns.boundingBox($0, height: mask.height, width: mask.width)
    }
    mask.pixels = mask.counts.withUnsafeBufferPointer { UInt32(truncatingIfNeeded: MaskRuns.area($0)) }
    mask.hasPlainRuns = MaskRuns.fillEnds(&mask.ends, of: mask.counts)
  }
}

/// A mask ready to be compared.
struct UnpackedMask: Sendable {
  var height = 0
  var width = 0
  var counts: [UInt32] = []
  /// Where each run ends.
  var ends: [UInt32] = []
  /// Whether none but the first run is empty.
  var hasPlainRuns = false
  /// The pixels inside.
  var pixels: UInt32 = 0
  var box = BoundingBox(x: 0, y: 0, width: 0, height: 0)

  /// IoU as COCO's mask API has it: 0 where the boxes do not meet, −1 for masks of different sizes.
  @inline(__always)
  func intersectionOverUnion(with other: UnpackedMask, isCrowd: Bool) -> Double {
    guard box.intersects(other.box) else { return 0 }
    guard height == other.height, width == other.width else { return -1 }
    if hasPlainRuns, other.hasPlainRuns {
      let common = MaskRuns.commonPixels(ends, other.ends)
      return common == 0 ? 0 : Double(common) / Double(isCrowd ? pixels : pixels &+ other.pixels &- common)
    }
    // The reference goes from run to run, and stops early where two empty ones meet.
    return counts.withUnsafeBufferPointer { own in
      other.counts.withUnsafeBufferPointer { MaskRuns.intersectionOverUnion(own, $0, isCrowd: isCrowd) }
    }
  }

  /// The number of pixels inside.
  var area: Double { Double(counts.withUnsafeBufferPointer { MaskRuns.area($0) }) }

  var bitmap: MaskBitmap { counts.withUnsafeBufferPointer { MaskBitmap($0, height: height, width: width) } }
}

extension Segmentation {
  /// Draws the mask.
  ///
  /// - Parameter image: The size of the image, for polygons: run lengths state their own.
  func mask(in image: (height: Int, width: Int)) throws(MaskError) -> RunLengthMask {
    switch self {
    case .polygons(let polygons):
      try RunLengthMask(polygons: polygons, height: image.height, width: image.width)
    case .runLengths(let height, let width, let counts):
      try RunLengthMask(height: height, width: width, counts: counts)
    case .compressed(let height, let width, let counts):
      try RunLengthMask(height: height, width: width, compressedCounts: counts)
    }
  }
}
