import LVISDatasets

/// The anchors of the maps of one image, in pixels of the image that the detector saw.
///
/// Legend: L levels, A anchors a location. Anchors are ordered by level, the finest first, then row by row, the A of a
/// location adjacent (torchvision `AnchorGenerator`; detectron2 `DefaultAnchorGenerator`; mmdetection `AnchorGenerator`).
public struct AnchorGrid: Sendable {
  /// The height and width of each level, in locations.
  public let levels: [(height: Int, width: Int)]
  /// The anchors of all levels, as corners in pixels of the image that the detector saw.
  public let anchors: [CornerBox]
  /// The anchors of each level.
  public let levelRanges: [Range<Int>]

  /// Lays out anchors.
  ///
  /// - Parameters:
  ///   - settings: Sizes, ratios, strides and rules, of as many levels.
  ///   - levels: The height and width of each level, in locations.
  /// - Precondition: There are as many sizes and strides as levels, and every level is at least 1 × 1.
  public init(_ settings: AnchorSettings, levels: [(height: Int, width: Int)]) {
    precondition(
      settings.sizes.count == levels.count && settings.strides.count == levels.count
        && levels.allSatisfy { $0.height > 0 && $0.width > 0 },
      "anchors need sizes and strides for levels of 1 × 1 or more")
    self.levels = levels
    var anchors: [CornerBox] = []
    anchors.reserveCapacity(levels.reduce(0) { $0 + $1.height * $1.width } * settings.anchorsPerLocation)
    var ranges: [Range<Int>] = []
    for (level, shape) in levels.enumerated() {
      let start = anchors.count
      let base = settings.baseAnchors(ofLevel: level)
      let stride = settings.stride(ofLevel: level, in: levels)
      let offset = (Float(settings.offset * Double(stride.x)), Float(settings.offset * Double(stride.y)))
      for row in 0..<shape.height {
        let y = Float(row * stride.y) + offset.1
        for column in 0..<shape.width {
          let x = Float(column * stride.x) + offset.0
          for box in base { anchors.append(CornerBox(x + box.x1, y + box.y1, x + box.x2, y + box.y2)) }
        }
      }
      ranges.append(start..<anchors.count)
    }
    self.anchors = anchors
    levelRanges = ranges
  }
}

extension AnchorSettings {
  /// The A anchors around the origin, in the order of a location's.
  package func baseAnchors(ofLevel level: Int) -> [CornerBox] {
    var boxes: [CornerBox] = []
    func add(_ width: Float, _ height: Float) {
      var corners = [-width / 2, -height / 2, width / 2, height / 2]
      // Ties to even, as torch.round.
      if roundsBaseAnchors { corners = corners.map { $0.rounded(.toNearestOrEven) } }
      boxes.append(CornerBox(corners[0], corners[1], corners[2], corners[3]))
    }
    // In single precision, ratio by ratio, where the framework does so.
    func add(size: Double, ratio: Double) {
      if convention == .detectron2 {
        let width = (size * size / ratio).squareRoot()
        return add(Float(width), Float(ratio * width))
      }
      let height = Float(ratio).squareRoot()
      add(1 / height * Float(size), height * Float(size))
    }
    if ordersBySize {
      for size in sizes[level] { for ratio in ratios { add(size: size, ratio: ratio) } }
    } else {
      for ratio in ratios { for size in sizes[level] { add(size: size, ratio: ratio) } }
    }
    return boxes
  }

  /// The pixels from a location to the next. torchvision divides the padded image by the map's size: the padded size is that
  /// of the finest level times its stride.
  package func stride(ofLevel level: Int, in levels: [(height: Int, width: Int)]) -> (x: Int, y: Int) {
    guard convention.derivesStrides, let first = levels.first else { return (strides[level], strides[level]) }
    let padded = (x: first.width * strides[0], y: first.height * strides[0])
    return (padded.x / levels[level].width, padded.y / levels[level].height)
  }

  /// Whether each location's anchors are trained on: in mmdetection not where it lies in the padding of its own image, the
  /// size rounded up to a multiple of 32 (`AnchorGenerator.valid_flags`).
  ///
  /// - Parameters:
  ///   - levels: The height and width of each level.
  ///   - size: The width and height of the image before padding.
  /// - Returns: One a location; `nil` where all are.
  package func trainedLocations(levels: [(height: Int, width: Int)], size: SIMD2<Float>) -> [Bool]? {
    guard convention.leavesOutPadding else { return nil }
    let (width, height) = (paddedToMultiple(size.x), paddedToMultiple(size.y))
    return zip(levels, strides).flatMap { shape, stride in
      let rows = min((height + stride - 1) / stride, shape.height)
      let columns = min((width + stride - 1) / stride, shape.width)
      return (0..<shape.height * shape.width).map { $0 / shape.width < rows && $0 % shape.width < columns }
    }
  }
}

/// A length in pixels, rounded up to a multiple of 32.
private func paddedToMultiple(_ length: Float) -> Int { (Int(min(length, 1e6).rounded(.up)) + 31) / 32 * 32 }
