import CSimdJSON

extension RunLengthMask {
  /// Reads COCO's compressed run lengths.
  ///
  /// Each count, less the last but one from the fourth on, is a signed integer in groups of five bits, lowest first;
  /// a group is a byte from "0" to "o", its sixth bit saying that more follow (cocoapi, `rleFrString`).
  ///
  /// - Throws: `MaskError` for a byte outside that range, a string that ends within a count, a count that is negative,
  ///   and counts that do not cover the image exactly.
  public init(height: Int, width: Int, compressedCounts: some Sequence<UInt8>) throws(MaskError) {
    let bytes = Array(compressedCounts)
    var counts: [UInt32] = []
    let fault = bytes.withUnsafeBufferPointer { MaskRuns.decode($0, into: &counts) }
    if let fault { throw fault }
    try self.init(height: height, width: width, counts: counts)
  }

  /// The mask as COCO's compressed run lengths.
  public var compressedCounts: [UInt8] {
    var bytes: [UInt8] = []
    for (index, count) in counts.enumerated() {
      var rest = Int(count)
      if index > 2 { rest -= Int(counts[index - 2]) }
      var hasMore = true
      while hasMore {
        var group = UInt8(truncatingIfNeeded: rest & 0x1F)
        rest >>= 5
        hasMore = group & 0x10 != 0 ? rest != -1 : rest != 0
        if hasMore { group |= 0x20 }
        bytes.append(group + 48)
      }
    }
    return bytes
  }
}

extension MaskRuns {
  /// Replaces `counts` by what a compressed string says.
  ///
  /// - Returns: What is wrong with the string, or `nil`.
  package static func decode(_ bytes: UnsafeBufferPointer<UInt8>, into counts: inout [UInt32]) -> MaskError? {
    counts.removeAll(keepingCapacity: true)
    guard let start = bytes.baseAddress else { return nil }
    counts.append(contentsOf: repeatElement(0, count: bytes.count + 8))
    let count = csimdjson_run_lengths(start, bytes.count, &counts)
    counts.removeLast(counts.count - max(0, Int(count)))
    return count < 0 ? fault(in: bytes) ?? MaskError(.runs, "its counts cannot be read") : nil
  }

  /// What is wrong with a compressed string.
  private static func fault(in bytes: UnsafeBufferPointer<UInt8>) -> MaskError? {
    var counts: [UInt32] = []
    var index = 0
    // The last count and the one before.
    var (previous, beforePrevious): (Int, Int) = (0, 0)
    while index < bytes.count {
      var value = 0
      var shift = 0
      var group: UInt8
      repeat {
        guard index < bytes.count else { return MaskError(.runs, "its counts end in the middle of a number") }
        group = bytes[index] &- 48
        guard group < 64 else {
          return MaskError(.runs, "its counts hold the byte \(bytes[index]) at \(index), which run lengths do not use")
        }
        guard shift <= 35 else { return MaskError(.runs, "its counts hold a number out of range at byte \(index)") }
        value |= Int(group & 0x1F) << shift
        shift += 5
        index += 1
      } while group & 0x20 != 0
      if group & 0x10 != 0 { value |= -1 << shift }
      if counts.count > 2 { value += beforePrevious }
      guard let count = UInt32(exactly: value) else {
        return MaskError(.runs, "run \(counts.count) has the length \(value)")
      }
      counts.append(count)
      (beforePrevious, previous) = (previous, value)
    }
    return nil
  }
}
