import LVISDatasets

/// How much a detection and an object have in common. Generic code over it is specialised: nothing is called through
/// an existential.
protocol Overlap: Sendable {
  /// Fills in the IoU of one detection with each object.
  ///
  /// - Parameters:
  ///   - detection: Its position in the table.
  ///   - objects: Positions among the ground truth's objects.
  ///   - row: Where the values go, one an object.
  func fill(_ row: UnsafeMutablePointer<Double>, detection: Int, objects: Range<Int>)
}

/// IoU of boxes in float64 without any +1, in the order of operations of COCO's `bbIou` (rule 5).
struct BoxOverlap: Overlap {
  let detections: [BoundingBox]
  let objects: [GroundTruthObject]

  @inline(__always)
  func fill(_ row: UnsafeMutablePointer<Double>, detection: Int, objects range: Range<Int>) {
    let box = detections[detection]
    for object in range {
      row[object - range.lowerBound] = box.intersectionOverUnion(
        with: objects[object].box, isCrowd: objects[object].isCrowd)
    }
  }
}

extension BoundingBox {
  /// i / (a + b − i), or i / a where `other` is a crowd.
  @inline(__always)
  func intersectionOverUnion(with other: BoundingBox, isCrowd: Bool = false) -> Double {
    let overlapWidth = min(x + width, other.x + other.width) - max(x, other.x)
    guard overlapWidth > 0 else { return 0 }
    let overlapHeight = min(y + height, other.y + other.height) - max(y, other.y)
    guard overlapHeight > 0 else { return 0 }
    let intersection = overlapWidth * overlapHeight
    return intersection / (isCrowd ? area : area + other.area - intersection)
  }
}
