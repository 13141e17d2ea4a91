import TensorFiles

/// One file of a set of feature maps: the shapes and types of its tensors checked, the maps themselves not yet read.
struct FeatureMapShard: Sendable {
  let path: String
  let features: TensorView
  /// The predicted box deltas [M · A, 4]; `nil` where the shard has none.
  let boxDeltas: TensorView?
  /// The location of the set that is this shard's row 0.
  let firstLocation: Int
  /// M, the locations of all levels of all images of the shard.
  let locationCount: Int
  /// C, the channels of the maps.
  let channelCount: Int
  let metadata: [String: String]
  /// The images, whose locations are those of the set.
  let images: [FeatureMapSet.Image]

  init(_ container: any TensorContainer, firstLocation: Int) throws {
    path = container.path
    metadata = try Self.metadata(of: container)
    self.firstLocation = firstLocation
    features = try Self.floats("features", in: container)
    guard features.shape.count == 2, features.shape[1] > 0 else {
      throw Self.shapeError(features, expected: "[M, C], a row of C channels for every location,")
    }
    locationCount = features.shape[0]
    channelCount = features.shape[1]
    let ids = try container.tensor("image_ids")
    guard ids.shape.count == 1 else { throw Self.shapeError(ids, expected: "[n], one id an image,") }
    let count = ids.shape[0]
    let shapes = try container.tensor("level_shapes")
    guard shapes.shape.count == 3, shapes.shape[0] == count, shapes.shape[1] > 0, shapes.shape[2] == 2 else {
      throw Self.shapeError(shapes, expected: "[\(count), L, 2], height and width of every level,")
    }
    let sizes = try container.tensor("image_sizes")
    guard sizes.shape == [count, 2] else {
      throw Self.shapeError(sizes, expected: "[\(count), 2], the resized height and width,")
    }
    let scales = try Self.floats("image_scales", in: container)
    guard scales.shape == [count, 2] else {
      throw Self.shapeError(scales, expected: "[\(count), 2], resized ÷ original, x and y,")
    }
    boxDeltas = try container.tensorIfPresent("box_deltas").map { _ in try Self.floats("box_deltas", in: container) }
    images = try Self.images(
      ids: ids, shapes: shapes, sizes: sizes, scales: scales, firstLocation: firstLocation, path: container.path)
    let described = images.last.map { $0.locations.upperBound - firstLocation } ?? 0
    guard described == locationCount else {
      throw FeatureSetError(
        path: path, tensor: "features", code: .shape,
        detail: "has \(locationCount) rows, but the level_shapes of its \(count) images have \(described) locations")
    }
    if let boxDeltas {
      guard boxDeltas.shape.count == 2, boxDeltas.shape[1] == 4, locationCount > 0,
        boxDeltas.shape[0].isMultiple(of: locationCount), boxDeltas.shape[0] > 0
      else {
        throw Self.shapeError(boxDeltas, expected: "[M · A, 4] for the A anchors of each of \(locationCount) locations")
      }
    }
  }

  /// A, the anchors of a location that there are box deltas of; `nil` where there are none.
  var anchorsPerLocation: Int? {
    boxDeltas.map { locationCount > 0 ? $0.shape[0] / locationCount : 0 }
  }

  private static func images(
    ids: TensorView, shapes: TensorView, sizes: TensorView, scales: TensorView, firstLocation: Int, path: String
  ) throws -> [FeatureMapSet.Image] {
    let levelCount = shapes.shape[1]
    let (ids, shapes) = (try ids.integers(), try shapes.integers())
    let (sizes, scales) = (
      sizes.elementType.isFloatingPoint ? try sizes.floats() : try sizes.integers().map { Float($0) },
      try scales.floats()
    )
    var images: [FeatureMapSet.Image] = []
    var next = firstLocation
    for (row, id) in ids.enumerated() {
      func fault(_ tensor: String, _ code: FeatureSetError.Code, _ detail: String) -> FeatureSetError {
        FeatureSetError(path: path, tensor: tensor, row: row, code: code, detail: detail)
      }
      if let last = images.last, last.id >= id {
        throw fault(
          "image_ids", .imageOrder, "image \(id) stands behind image \(last.id): ids must ascend, one an image")
      }
      var levels: [FeatureMapSet.LevelShape] = []
      var count = 0
      for level in 0..<levelCount {
        let (height, width) = (shapes[2 * (row * levelCount + level)], shapes[2 * (row * levelCount + level) + 1])
        guard (1...1 << 15).contains(height), (1...1 << 15).contains(width) else {
          throw fault("level_shapes", .shape, "level \(level) is \(height) × \(width); from 1 to 32768 is expected")
        }
        levels.append(FeatureMapSet.LevelShape(height: height, width: width))
        count += height * width
      }
      let scale = SIMD2(scales[2 * row], scales[2 * row + 1])
      guard scale.x > 0, scale.y > 0, scale.x.isFinite, scale.y.isFinite else {
        throw fault(
          "image_scales", .notFinite, "\(scale.x), \(scale.y): numbers above 0 are expected, resized ÷ original")
      }
      let size = SIMD2(sizes[2 * row + 1], sizes[2 * row])
      guard size.x > 0, size.y > 0, size.x.isFinite, size.y.isFinite else {
        throw fault("image_sizes", .box, "\(size.y) × \(size.x) is no height and width of an image")
      }
      images.append(
        FeatureMapSet.Image(id: id, locations: next..<next + count, levels: levels, scale: scale, size: size))
      next += count
    }
    return images
  }

  /// The texts of a shard; in `.npz` archives, which have none, numbers in tensors of the same names.
  private static func metadata(of container: any TensorContainer) throws -> [String: String] {
    var metadata = container.metadata
    for name in ["strides", "anchor_sizes", "anchor_ratios"] where metadata[name] == nil {
      guard let tensor = try container.tensorIfPresent(name) else { continue }
      let numbers =
        tensor.elementType.isFloatingPoint
        ? try tensor.floats().map { "\($0)" } : try tensor.integers().map { "\($0)" }
      let width = tensor.shape.count == 2 ? tensor.shape[1] : numbers.count
      metadata[name] = stride(from: 0, to: numbers.count, by: max(1, width)).map {
        numbers[$0..<min($0 + width, numbers.count)].joined(separator: ",")
      }.joined(separator: ";")
    }
    return metadata
  }

  private static func floats(_ name: String, in container: any TensorContainer) throws -> TensorView {
    let tensor = try container.tensor(name)
    guard tensor.elementType.isFloatingPoint else {
      throw FeatureSetError(
        path: tensor.path, tensor: name, code: .elementType,
        detail: "its elements are \(tensor.elementType.rawValue), floating-point numbers are expected")
    }
    return tensor
  }

  private static func shapeError(_ tensor: TensorView, expected: String) -> FeatureSetError {
    FeatureSetError(
      path: tensor.path, tensor: tensor.name, code: .shape,
      detail: "its shape is \(tensor.shape), \(expected) is expected")
  }
}
