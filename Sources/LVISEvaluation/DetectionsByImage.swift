import LVISDatasets

/// The detections that are left after the caps, by image (lvis-api `LVISResults.limit_dets_per_image`; for fixed AP also
/// a cap on each class).
struct DetectionsByImage: Sendable {
  /// Detections of image i are `order[starts[i]..<starts[i + 1]]`: in the order given, or by descending score where
  /// the cap cut some off.
  private(set) var order: [Int32]
  private(set) var starts: [Int32]
  /// The position of the first result after the caps in lvis-api's order, whose fields decide how all are filled in (see
  /// `Filling`); `nil` where nothing is left.
  private(set) var first: Int?

  @inline(__always)
  func range(of image: Int) -> Range<Int> { Int(starts[image])..<Int(starts[image + 1]) }

  /// How many some images have.
  func count(in images: Range<Int>) -> Int { Int(starts[images.upperBound]) - Int(starts[images.lowerBound]) }

  /// How many are left after the caps.
  var count: Int { order.count }

  /// - Parameters:
  ///   - table: All detections.
  ///   - imageCount: The number of images of the ground truth.
  ///   - categoryCount: The number of its categories.
  ///   - perImage: The cap an image over all categories, unknown ones included; `nil` for none.
  ///   - perCategory: The cap a category over all images, applied after the former; `nil` for none.
  init(_ table: DetectionTable, imageCount: Int, categoryCount: Int, perImage: Int?, perCategory: Int?) {
    (order, starts) = Self.grouped(0..<table.count, by: table.images, count: imageCount)
    if let perImage { keepBest(perImage, table.scores) }
    // lvis-api's list after the cap an image: images in order of their first detection.
    if let image = table.images.first { first = order[range(of: Int(image))].first.map(Int.init) }
    if let perCategory {
      let listed = perImage == nil ? Array(0..<Int32(table.count)) : Self.inOrderOfAppearance(self, table.images)
      let best = Self.bestOfEachCategory(listed, table, categoryCount: categoryCount, cap: perCategory)
      first = best.first
      (order, starts) = Self.grouped(best.kept.map(Int.init), by: table.images, count: imageCount)
    }
  }

  /// A stable counting sort.
  private static func grouped(
    _ detections: some Collection<Int>, by keys: [Int32], count: Int
  ) -> (order: [Int32], starts: [Int32]) {
    var starts = [Int32](repeating: 0, count: count + 1)
    for detection in detections { starts[Int(keys[detection]) + 1] += 1 }
    for key in 0..<count { starts[key + 1] += starts[key] }
    var next = starts
    let order = [Int32](unsafeUninitializedCapacity: detections.count) { buffer, initialized in
      for detection in detections {
        let key = Int(keys[detection])
        buffer[Int(next[key])] = Int32(truncatingIfNeeded: detection)
        next[key] += 1
      }
      initialized = detections.count
    }
    return (order, starts)
  }

  /// Cuts every image down to its `cap` best, by a stable descending sort, where it has more.
  private mutating func keepBest(_ cap: Int, _ scores: [Double]) {
    var kept = 0
    for image in 0..<(starts.count - 1) {
      let range = range(of: image)
      starts[image] = Int32(kept)
      if range.count > cap {
        for detection in order[range].sortedByDescendingScore(scores).prefix(cap) {
          order[kept] = detection
          kept += 1
        }
      } else {
        if kept != range.lowerBound {
          for position in range { order[kept + position - range.lowerBound] = order[position] }
        }
        kept += range.count
      }
    }
    starts[starts.count - 1] = Int32(kept)
    order.removeLast(order.count - kept)
  }

  private static func inOrderOfAppearance(_ groups: DetectionsByImage, _ images: [Int32]) -> [Int32] {
    var seen = [Bool](repeating: false, count: groups.starts.count - 1)
    var list: [Int32] = []
    list.reserveCapacity(groups.count)
    for image in images where !seen[Int(image)] {
      seen[Int(image)] = true
      list += groups.order[groups.range(of: Int(image))]
    }
    return list
  }

  /// Fixed AP's cap: in every category the best `cap` by a stable descending sort. Unknown categories share one list,
  /// which changes nothing: their detections are dropped afterwards.
  private static func bestOfEachCategory(
    _ list: [Int32], _ table: DetectionTable, categoryCount: Int, cap: Int
  ) -> (kept: [Int32], first: Int?) {
    let keys = list.map { table.categories[Int($0)] >= 0 ? table.categories[Int($0)] : Int32(categoryCount) }
    let (positions, starts) = grouped(0..<list.count, by: keys, count: categoryCount + 1)
    var kept: [Int32] = []
    var first: Int?
    for category in 0...categoryCount {
      let members = positions[Int(starts[category])..<Int(starts[category + 1])].map { list[Int($0)] }
      let best = members[...].sortedByDescendingScore(table.scores).prefix(cap)
      if let firstListed = keys.first, Int(firstListed) == category { first = best.first.map(Int.init) }
      kept += best
    }
    kept.sort()
    return (kept, first)
  }
}

extension ArraySlice<Int32> {
  /// Detections by descending score; those of equal score stay in their order, −0 and 0 being equal.
  func sortedByDescendingScore(_ scores: [Double]) -> [Int32] {
    enumerated().sorted {
      let a = scores[Int($0.element)]
      let b = scores[Int($1.element)]
      return a != b ? a > b : $0.offset < $1.offset
    }.map(\.element)
  }
}
