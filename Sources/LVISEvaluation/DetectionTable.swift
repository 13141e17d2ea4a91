import LVISDatasets

/// Detections as columns, ids already replaced by places in the ground truth.
struct DetectionTable: Sendable {
  /// The image's place.
  var images: [Int32] = []
  /// The category's place; −1 for a category that the ground truth does not know.
  var categories: [Int32] = []
  var boxes: [BoundingBox] = []
  /// What the area ranges are held against, where that is not the box's area.
  var areas: [Double]?
  var scores: [Double] = []

  var count: Int { scores.count }

  @inline(__always)
  func area(of detection: Int) -> Double { areas.map { $0[detection] } ?? boxes[detection].area }

  /// Takes detections from memory.
  ///
  /// - Throws: `EvaluationError` for an image that the ground truth does not know, or a score or box that is not
  ///   finite, naming its position.
  init(_ detections: some Sequence<Detection>, truth: GroundTruthIndex) throws {
    let expected = detections.underestimatedCount
    images.reserveCapacity(expected)
    categories.reserveCapacity(expected)
    boxes.reserveCapacity(expected)
    scores.reserveCapacity(expected)
    for (position, detection) in detections.enumerated() {
      let image = truth.images.place(of: detection.imageID)
      guard image >= 0 else {
        throw EvaluationError(.unknownImage(detection.imageID), detection: position)
      }
      guard detection.score.isFinite else { throw EvaluationError(.notFinite(field: "score"), detection: position) }
      guard detection.box.isFinite else { throw EvaluationError(.notFinite(field: "bbox"), detection: position) }
      images.append(image)
      categories.append(truth.categoryIDs.place(of: detection.categoryID))
      boxes.append(detection.box)
      scores.append(detection.score)
    }
  }
}

extension BoundingBox {
  var isFinite: Bool { x.isFinite && y.isFinite && width.isFinite && height.isFinite }
}
