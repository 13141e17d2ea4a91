import LVISDatasets

/// Proposes boxes in a scene as a region proposal network would: around objects, beside them, and anywhere.
struct SyntheticBoxSampler {
  let scene: SyntheticScene

  /// The part of the boxes that lies on objects; the others are near misses and anywhere.
  private static let objectShare = 0.5
  private static let nearMissShare = 0.4
  private static let largestNumberPerObject = 3

  /// Proposes boxes, inside the image.
  ///
  /// - Parameters:
  ///   - count: How many.
  ///   - withLabelledBoxes: Whether labelled boxes are among them, up to half of the number.
  func boxes(
    count: Int, withLabelledBoxes: Bool, using generator: inout some RandomNumberGenerator
  ) -> [BoundingBox] {
    let objects = scene.objects
    var boxes: [BoundingBox] = []
    if withLabelledBoxes { boxes += objects.filter { $0.labelledClass != nil }.map(\.box).prefix(count / 2) }
    // Objects in turn, so that each has a box in a crowded image too.
    let order = generator.permutation(of: objects.count)
    let quota = min(Int(Double(count) * Self.objectShare), boxes.count + Self.largestNumberPerObject * objects.count)
    var turn = 0
    while boxes.count < quota {
      boxes.append(near(objects[order[turn % order.count]].box, reach: 0.25, within: 0.5...1, using: &generator))
      turn += 1
    }
    while boxes.count < count {
      if !objects.isEmpty, generator.unitUniform() < Self.nearMissShare {
        let object = objects[generator.integer(below: objects.count)]
        boxes.append(near(object.box, reach: 0.6, within: 0.1...0.49, using: &generator))
      } else {
        boxes.append(anywhere(using: &generator))
      }
    }
    return boxes
  }

  /// A box displaced and scaled until its IoU with the original lies `within` a range; the original if none does in
  /// thirty attempts.
  private func near(
    _ box: BoundingBox, reach: Double, within range: ClosedRange<Double>,
    using generator: inout some RandomNumberGenerator
  ) -> BoundingBox {
    for _ in 0..<30 {
      let width = box.width * generator.uniform(1 - reach / 1.5, 1 + reach)
      let height = box.height * generator.uniform(1 - reach / 1.5, 1 + reach)
      let centerX = box.x + box.width * (0.5 + generator.uniform(-reach, reach))
      let centerY = box.y + box.height * (0.5 + generator.uniform(-reach, reach))
      let moved = insideImage(
        BoundingBox(x: centerX - width / 2, y: centerY - height / 2, width: width, height: height))
      if let moved, range.contains(moved.intersectionOverUnion(box)) { return moved }
    }
    return box
  }

  private func anywhere(using generator: inout some RandomNumberGenerator) -> BoundingBox {
    let (width, height) = (Double(scene.image.width), Double(scene.image.height))
    let boxWidth = generator.uniform(16, 0.4 * width)
    let boxHeight = generator.uniform(16, 0.4 * height)
    return BoundingBox(
      x: generator.uniform(0, width - boxWidth), y: generator.uniform(0, height - boxHeight), width: boxWidth,
      height: boxHeight)
  }

  /// The part inside the image; `nil` where less than 4 pixels are left.
  private func insideImage(_ box: BoundingBox) -> BoundingBox? {
    let left = max(0, box.x)
    let top = max(0, box.y)
    let right = min(Double(scene.image.width), box.x + box.width)
    let bottom = min(Double(scene.image.height), box.y + box.height)
    guard right - left >= 4, bottom - top >= 4 else { return nil }
    return BoundingBox(x: left, y: top, width: right - left, height: bottom - top)
  }
}

extension BoundingBox {
  /// What two boxes share, as a part of what they cover together.
  func intersectionOverUnion(_ other: BoundingBox) -> Double {
    let sharedWidth = min(x + width, other.x + other.width) - max(x, other.x)
    let sharedHeight = min(y + height, other.y + other.height) - max(y, other.y)
    guard sharedWidth > 0, sharedHeight > 0 else { return 0 }
    let shared = sharedWidth * sharedHeight
    return shared / (area + other.area - shared)
  }
}
