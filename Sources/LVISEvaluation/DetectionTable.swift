import LVISDatasets

/// Detections as columns, ids already replaced by places in the ground truth.
struct DetectionTable: Sendable {
  /// The image's place.
  var images: [Int32] = []
  /// The category's place; −1 for a category that the ground truth does not know.
  var categories: [Int32] = []
  var boxes: [BoundingBox] = []
  var scores: [Double] = []
  /// What the area ranges are held against; empty where that is the box's area.
  var areas: [Double] = []
  /// Where in `masks` each detection's mask lies, −1 for none; empty where no masks are compared.
  var maskOfDetection: [Int32] = []
  var masks = MaskTable()

  var count: Int { scores.count }

  /// Makes room for so many detections: reserved memory costs nothing until it is written to, growing would copy.
  mutating func reserveCapacity(_ count: Int, withMasks: Bool) {
    images.reserveCapacity(count)
    categories.reserveCapacity(count)
    boxes.reserveCapacity(count)
    scores.reserveCapacity(count)
    guard withMasks else { return }
    areas.reserveCapacity(count)
    maskOfDetection.reserveCapacity(count)
  }

  @inline(__always)
  func area(of detection: Int) -> Double { areas.isEmpty ? boxes[detection].area : areas[detection] }
}

/// The source of detections' areas, boxes and masks where a result lacks some, decided by the first result (lvis-api
/// `LVISResults.__init__`).
struct Filling: Sendable, Equatable {
  /// Whether the first result has a box: then all need one, areas are the boxes', and a missing mask is the box. Else
  /// all need a mask, areas are the masks', and a missing box is the mask's.
  let isByBox: Bool
  let iouType: EvaluationOptions.IoUType

  /// Whether the masks of the detections have to be looked at.
  var needsMasks: Bool { iouType != .bbox || !isByBox }
}
