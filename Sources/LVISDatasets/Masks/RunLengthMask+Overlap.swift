import CSimdJSON

extension RunLengthMask {
  /// The pixels of any of the masks.
  ///
  /// - Returns: `nil` for no masks, or masks of different sizes.
  public static func union(of masks: [RunLengthMask]) -> RunLengthMask? {
    guard let first = masks.first else { return nil }
    var counts = first.counts
    for mask in masks.dropFirst() {
      guard mask.height == first.height, mask.width == first.width else { return nil }
      counts = MaskRuns.union(counts, mask.counts)
    }
    return RunLengthMask(height: first.height, width: first.width, validCounts: counts)
  }

  /// Intersection over union; over this mask's area where `other` is a crowd.
  ///
  /// - Returns: −1 where the masks are of different sizes and their boxes meet, as in COCO's mask API.
  public func intersectionOverUnion(with other: RunLengthMask, isCrowd: Bool = false) -> Double {
    guard boundingBox.intersects(other.boundingBox) else { return 0 }
    guard height == other.height, width == other.width else { return -1 }
    return counts.withUnsafeBufferPointer { own in
      other.counts.withUnsafeBufferPointer { MaskRuns.intersectionOverUnion(own, $0, isCrowd: isCrowd) }
    }
  }
}

extension BoundingBox {
  /// Whether two boxes share an area.
  package func intersects(_ other: BoundingBox) -> Bool {
    min(x + width, other.x + other.width) > max(x, other.x) && min(y + height, other.y + other.height) > max(y, other.y)
  }
}

extension MaskRuns {
  /// Intersection over union of masks of one size; over the first one's area where the second is a crowd.
  package static func intersectionOverUnion(
    _ first: UnsafeBufferPointer<UInt32>, _ second: UnsafeBufferPointer<UInt32>, isCrowd: Bool
  ) -> Double {
    guard !first.isEmpty, !second.isEmpty else { return 0 }
    var (intersection, union): (UInt32, UInt32) = (0, 0)
    var (restOfFirst, restOfSecond) = (first[0], second[0])
    var (nextFirst, nextSecond) = (1, 1)
    var (isInFirst, isInSecond) = (false, false)
    var rest: UInt32 = 1
    // A run that is used up is replaced by the next one, one at a time: runs of length 0 change sides too.
    while rest > 0 {
      let length = min(restOfFirst, restOfSecond)
      if isInFirst || isInSecond {
        union &+= length
        if isInFirst && isInSecond { intersection &+= length }
      }
      restOfFirst -= length
      if restOfFirst == 0 && nextFirst < first.count {
        restOfFirst = first[nextFirst]
        nextFirst += 1
        isInFirst.toggle()
      }
      restOfSecond -= length
      if restOfSecond == 0 && nextSecond < second.count {
        restOfSecond = second[nextSecond]
        nextSecond += 1
        isInSecond.toggle()
      }
      rest = restOfFirst &+ restOfSecond
    }
    guard intersection > 0 else { return 0 }
    return Double(intersection) / Double(isCrowd ? UInt32(truncatingIfNeeded: area(first)) : union)
  }

  /// Where each run ends.
  ///
  /// - Returns: Whether none but the first run is empty.
  package static func fillEnds(_ ends: inout [UInt32], of counts: [UInt32]) -> Bool {
    ends.removeAll(keepingCapacity: true)
    ends.append(contentsOf: repeatElement(0, count: counts.count))
    return csimdjson_run_ends(counts, counts.count, &ends)
  }

  /// The pixels inside both of two masks of one size, by where their runs end; of neither may a run but the first be
  /// empty.
  package static func commonPixels(_ first: [UInt32], _ second: [UInt32]) -> UInt32 {
    csimdjson_common_pixels(first, first.count, second, second.count)
  }

  /// The union of masks of one size, without runs of length 0 but the first.
  package static func union(_ first: [UInt32], _ second: [UInt32]) -> [UInt32] {
    var counts: [UInt32] = []
    var length: UInt32 = 0
    var isInside = false
    forEachRun(first, second) { run, inFirst, inSecond in
      guard run > 0 else { return }
      if (inFirst || inSecond) != isInside {
        counts.append(length)
        length = 0
        isInside.toggle()
      }
      length += run
    }
    counts.append(length)
    return counts
  }

  /// Visits the stretches on which neither mask changes sides.
  private static func forEachRun(_ first: [UInt32], _ second: [UInt32], _ body: (UInt32, Bool, Bool) -> Void) {
    var (indexOfFirst, indexOfSecond) = (0, 0)
    var restOfFirst = first.first ?? 0
    var restOfSecond = second.first ?? 0
    while indexOfFirst < first.count && indexOfSecond < second.count {
      let length = min(restOfFirst, restOfSecond)
      body(length, indexOfFirst % 2 == 1, indexOfSecond % 2 == 1)
      restOfFirst -= length
      restOfSecond -= length
      if restOfFirst == 0 {
        indexOfFirst += 1
        restOfFirst = indexOfFirst < first.count ? first[indexOfFirst] : 0
      }
      if restOfSecond == 0 {
        indexOfSecond += 1
        restOfSecond = indexOfSecond < second.count ? second[indexOfSecond] : 0
      }
    }
  }
}
