/// Where training stands when a batch begins, and which RoIs it holds.
public struct BatchContext {
  /// The epoch, from 0.
  public let epoch: Int
  /// The rows of the source that the batch holds, image by image, in the order of its RoIs.
  public let rows: [Range<Int>]
  /// Where they come from.
  public let source: any RoISource

  /// Makes a context.
  public init(epoch: Int, rows: [Range<Int>], source: any RoISource) {
    self.epoch = epoch
    self.rows = rows
    self.source = source
  }

  /// A number for every RoI that RoIs matched to the same ground truth share: those of one image with the same label and
  /// the same ground-truth box. Where the source has no such boxes, every RoI has a number of its own.
  ///
  /// - Throws: What the source throws.
  public func instances() throws -> [Int32] {
    var numbers: [Int32] = []
    var next: Int32 = 0
    for range in rows {
      guard let boxes = try source.groundTruthBoxes(rows: range) else {
        for _ in range {
          numbers.append(next)
          next += 1
        }
        continue
      }
      var known: [Match: Int32] = [:]
      for (position, row) in range.enumerated() {
        let box = SIMD4(
          boxes[position * 4], boxes[position * 4 + 1], boxes[position * 4 + 2], boxes[position * 4 + 3])
        let match = Match(label: source.classIndex(ofRow: row), box: box)
        if known[match] == nil {
          known[match] = next
          next += 1
        }
        numbers.append(known[match] ?? 0)
      }
    }
    return numbers
  }

  private struct Match: Hashable {
    let label: Int32
    let box: SIMD4<Float>
  }
}
