import LVISDatasets

/// Computes the overlap of detections and objects. Generic code over it is specialised: nothing is called through an
/// existential. Every thread has a copy of its own, with room to work in.
protocol Overlap: Sendable {
  /// Prepares for the objects of an image and category.
  ///
  /// - Parameter objects: Positions among the ground truth's objects.
  mutating func begin(_ objects: Range<Int>)

  /// Fills in the IoU of one detection with each of these objects.
  ///
  /// - Parameters:
  ///   - row: Where the values go, one an object.
  ///   - detection: Its position in the table.
  mutating func fill(_ row: UnsafeMutablePointer<Double>, detection: Int)
}

/// IoU of boxes in float64 without any +1, in the order of operations of `bbIou` in
/// pycocotools's `maskApi.c`.
struct BoxOverlap: Overlap {
  private let detections: [BoundingBox]
  private let objects: [GroundTruthObject]
  private var current = 0..<0

  init(_ table: DetectionTable, _ truth: GroundTruthIndex) {
    detections = table.boxes
    objects = truth.objects
  }

  @inline(__always)
  mutating func begin(_ objects: Range<Int>) { current = objects }

  @inline(__always)
  mutating func fill(_ row: UnsafeMutablePointer<Double>, detection: Int) {
    let box = detections[detection]
    for object in current {
      row[object - current.lowerBound] = box.intersectionOverUnion(
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

/// IoU of masks, or the smaller of mask and boundary IoU (Cheng et al., CVPR 2021).
struct MaskOverlap: Overlap {
  private let detections: MaskTable
  private let maskOfDetection: [Int32]
  private let truth: GroundTruthIndex
  private let objectMasks: MaskTable
  private let usesBoundaries: Bool
  /// Below this no boundary is looked at: the smaller of the two cannot reach it either.
  private let lowestThreshold: Double

  private var current = 0..<0
  private var objects: [UnpackedMask] = []
  private var objectBoundaries: [MaskBitmap?] = []
  private var detection = UnpackedMask()

  init(_ table: DetectionTable, _ truth: GroundTruthIndex, usesBoundaries: Bool, lowestThreshold: Double) {
    detections = table.masks
    maskOfDetection = table.maskOfDetection
    self.truth = truth
    objectMasks = truth.masks
    self.usesBoundaries = usesBoundaries
    self.lowestThreshold = lowestThreshold
  }

  mutating func begin(_ range: Range<Int>) {
    current = range
    while objects.count < range.count { objects.append(UnpackedMask()) }
    for (slot, object) in range.enumerated() { objectMasks.unpack(object, into: &objects[slot]) }
    if usesBoundaries { objectBoundaries = [MaskBitmap?](repeating: nil, count: range.count) }
  }

  mutating func fill(_ row: UnsafeMutablePointer<Double>, detection index: Int) {
    detections.unpack(Int(maskOfDetection[index]), into: &detection)
    var boundary: MaskBitmap?
    for slot in 0..<current.count {
      let isCrowd = truth.objects[current.lowerBound + slot].isCrowd
      row[slot] = detection.intersectionOverUnion(with: objects[slot], isCrowd: isCrowd)
      // A crowd keeps its mask IoU, as in lvis-api.
      guard usesBoundaries, !isCrowd, row[slot] >= lowestThreshold, row[slot] > 0 else { continue }
      let distance = RunLengthMask.boundaryDistance(height: detection.height, width: detection.width)
      let own = boundary ?? detection.bitmap.boundary(distance: distance)
      let other = objectBoundaries[slot] ?? objects[slot].bitmap.boundary(distance: distance)
      boundary = own
      objectBoundaries[slot] = other
      row[slot] = min(row[slot], own.intersectionOverUnion(with: other))
    }
  }
}
