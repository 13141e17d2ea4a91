import DenseLinearAlgebra
import FeatureSets
import LVISDatasets

/// A small set of feature maps without a fault: images of two levels of strides 8 and 16, 4 channels, 2 anchors a location,
/// objects of the classes of `exampleGroups()`.
public struct SmallMapSet {
  /// The objects of the images.
  public var dataset: LVISDataset
  /// The maps of each image.
  public var images: [ImageMaps] = []
  /// The anchors, as a set states them.
  public var metadata = [
    "strides": "8,16", "anchor_sizes": "16,24;32,48", "anchor_ratios": "1", "anchor_convention": "detectron2",
  ]

  /// Draws a set.
  ///
  /// - Parameters:
  ///   - imageCount: The number of images, of 48 × 40 pixels.
  ///   - categoryIDs: The categories, ascending.
  ///   - anchorSizes: The sizes of each level's anchors.
  public init(
    imageCount: Int = 6, categoryIDs: [Int] = (0..<8).map { 3 * $0 + 1 }, anchorSizes: String = "16,24;32,48",
    anchorCount: Int = 2
  ) {
    metadata["anchor_sizes"] = anchorSizes
    var generator = SeededGenerator(seed: 5)
    let levels = [FeatureMapSet.LevelShape(height: 5, width: 6), FeatureMapSet.LevelShape(height: 3, width: 3)]
    let count = levels.reduce(0) { $0 + $1.count }
    var annotations: [LVISAnnotation] = []
    for image in 1...imageCount {
      for _ in 0..<3 {
        let side = Double.random(in: 12...36, using: &generator)
        annotations.append(
          LVISAnnotation(
            id: annotations.count + 1, imageID: image,
            categoryID: categoryIDs[Int.random(in: 0..<categoryIDs.count, using: &generator)],
            box: BoundingBox(
              x: Double.random(in: 0...(48 - side), using: &generator),
              y: Double.random(in: 0...(40 - side), using: &generator), width: side, height: side)))
      }
      images.append(
        ImageMaps(
          imageID: image, levels: levels,
          features: (0..<count * 4).map { _ in Float(standardNormal(using: &generator)) }, size: SIMD2(48, 40),
          boxDeltas: (0..<count * anchorCount * 4).map { _ in Float(0.1 * standardNormal(using: &generator)) }))
    }
    dataset = LVISDataset(
      images: (1...imageCount).map {
        LVISImage(id: $0, width: 48, height: 40, negativeCategoryIDs: [], notExhaustiveCategoryIDs: [])
      },
      categories: categoryIDs.map { LVISCategory(id: $0, name: "class \($0)", frequency: .common) },
      annotations: annotations)
  }

  /// Writes the maps.
  ///
  /// - Parameter shardByteCount: About how large a shard gets.
  public func write(to folder: String, shardByteCount: Int = 1 << 28) throws {
    let writer = try FeatureMapSetWriter(
      at: folder, channelCount: 4, elementType: .float32, shardByteCount: shardByteCount, metadata: metadata)
    for image in images { try writer.append(image) }
    try writer.finish()
  }
}
