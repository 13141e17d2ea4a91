/// The outcome of matching for one detection that counts.
struct Verdict: Sendable {
  var score: Double
  /// The image's place.
  var image: Int32
  /// Its position among the image's detections.
  var order: Int32
  /// Its row of `VerdictChunk.outcomes`; −1 where it matched nothing at any threshold.
  var outcome: Int32
  /// For each area range, one bit: whether an unmatched detection is ignored, since its area lies outside the range or its
  /// class is not labelled exhaustively in the image.
  var ignoredRanges: UInt16
  /// How many detections of its image and category precede it, at most 65,535; counted under COCO's rules alone.
  var rank: UInt16
}

extension Verdict {
  /// The order in which lvis-api's `LVISEval.accumulate` takes detections: by descending score; equal ones by ascending
  /// image id, then by their order in the image.
  @inline(__always)
  static func precedes(_ a: Verdict, _ b: Verdict) -> Bool {
    if a.score != b.score { return a.score > b.score }
    return a.image != b.image ? a.image < b.image : a.order < b.order
  }
}

/// Whether a detection is a true or a false positive, one bit a threshold; neither, where it is ignored.
struct Outcome: Sendable {
  var truePositive: UInt64
  var falsePositive: UInt64
}

/// The verdicts on the detections of some images.
struct VerdictChunk: Sendable {
  var verdicts: [Verdict] = []
  /// The category of each.
  var categories: [Int32] = []
  /// Rows of one outcome an area range.
  var outcomes: [Outcome] = []
  /// For every row of `outcomes` the IoU of its match over all areas, by threshold; empty unless asked for.
  var overlaps: [Double] = []
  /// Ground truth of id 0 that some detection took.
  var takenIDZeroObjects = 0
}

extension VerdictChunk {
  /// Chunks as bytes that another process of the same program reads.
  static func message(_ chunks: [VerdictChunk]) -> [UInt8] {
    var bytes: [UInt8] = []
    for chunk in chunks {
      withUnsafeBytes(of: (chunk.verdicts.count, chunk.outcomes.count, chunk.takenIDZeroObjects)) { bytes += $0 }
      chunk.verdicts.withUnsafeBytes { bytes += $0 }
      chunk.categories.withUnsafeBytes { bytes += $0 }
      chunk.outcomes.withUnsafeBytes { bytes += $0 }
    }
    return bytes
  }

  /// Reads what `message` made.
  static func chunks(in message: [UInt8]) -> [VerdictChunk] {
    var chunks: [VerdictChunk] = []
    message.withUnsafeBytes { bytes in
      var rest = bytes[...]
      func take<Element>(_ count: Int, _ zero: Element) -> [Element] {
        var values = [Element](repeating: zero, count: count)
        values.withUnsafeMutableBytes { $0.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest.prefix($0.count))) }
        rest = rest.dropFirst(count * MemoryLayout<Element>.stride)
        return values
      }
      while !rest.isEmpty {
        let counts = take(3, 0)
        let empty = Verdict(score: 0, image: 0, order: 0, outcome: 0, ignoredRanges: 0, rank: 0)
        chunks.append(
          VerdictChunk(
            verdicts: take(counts[0], empty), categories: take(counts[0], 0),
            outcomes: take(counts[1], Outcome(truePositive: 0, falsePositive: 0)),
            takenIDZeroObjects: counts[2]))
      }
    }
    return chunks
  }
}

/// The verdicts on the detections of one class.
struct ClassVerdicts: Sendable {
  var verdicts: [Verdict] = []
  var outcomes: [Outcome] = []
  /// As in `VerdictChunk`.
  var overlaps: [Double] = []
}
