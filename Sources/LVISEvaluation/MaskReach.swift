import LVISDatasets

/// Which masks may have so much in common with an object of their image, of whatever class, that analyses notice it.
///
/// No IoU is higher than the pixels that the boxes around two masks share over the larger mask's area, which takes two
/// numbers a mask instead of all its runs. Most detections end here, and their masks need not be kept.
struct MaskReach: Sendable {
  /// The IoU below which an analysis takes a detection for one of background.
  static let threshold = 0.1

  private let truth: GroundTruthIndex
  private let objects: [(box: BoundingBox, area: Double)]

  init(_ truth: GroundTruthIndex) {
    self.truth = truth
    let objectsAtATime = 4096
    let count = truth.objects.count
    objects = concurrentMap((count + objectsAtATime - 1) / objectsAtATime) { part in
      var mask = UnpackedMask()
      return ((part * objectsAtATime)..<min((part + 1) * objectsAtATime, count)).map { object in
        truth.masks.unpack(object, into: &mask)
        return (box: mask.box, area: mask.area)
      }
    }.flatMap { $0 }
  }

  /// Whether a mask may reach `threshold` with an object.
  func includes(_ mask: RunLengthMask, inImage image: Int) -> Bool {
    let range = truth.objectRange(ofImage: image)
    guard !range.isEmpty else { return false }
    let box = mask.boundingBox
    let area = Double(mask.area)
    return objects[range].contains { object in
      let width = min(box.x + box.width, object.box.x + object.box.width) - max(box.x, object.box.x)
      let height = min(box.y + box.height, object.box.y + object.box.height) - max(box.y, object.box.y)
      guard width > 0, height > 0 else { return false }
      return width * height / max(area, object.area) >= Self.threshold
    }
  }
}
