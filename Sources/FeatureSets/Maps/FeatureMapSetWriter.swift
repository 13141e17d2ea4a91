import DurableFiles
import Foundation
import TensorFiles

/// The feature maps of one image, to be written to a set.
///
/// Legend: L levels, C channels, A anchors a location; arrays are row-major.
public struct ImageMaps: Sendable {
  /// The image's id.
  public var imageID: Int
  /// The shape of every level, the finest first.
  public var levels: [FeatureMapSet.LevelShape]
  /// The features of every location, level after level, [M, C].
  public var features: [Float]
  /// The size that the detector saw ÷ the original size, x and y.
  public var scale: SIMD2<Float>
  /// The width and height that the detector saw, in pixels.
  public var size: SIMD2<Float>
  /// The predicted deltas of every anchor, [M · A, 4]; `nil` where the detector's are not known.
  public var boxDeltas: [Float]?

  /// Gathers the maps of an image.
  public init(
    imageID: Int, levels: [FeatureMapSet.LevelShape], features: [Float], scale: SIMD2<Float> = .one,
    size: SIMD2<Float>, boxDeltas: [Float]? = nil
  ) {
    self.imageID = imageID
    self.levels = levels
    self.features = features
    self.scale = scale
    self.size = size
    self.boxDeltas = boxDeltas
  }
}

/// Writes a set of feature maps image by image, as shards of bounded size.
public final class FeatureMapSetWriter {
  private let folder: String
  private let channelCount: Int
  private let elementType: TensorElementType
  private let shardByteCount: Int
  private let metadata: [String: String]
  private var waiting: [ImageMaps] = []
  private var waitingBytes = 0
  private var shardCount = 0
  private var last: ImageMaps?

  /// Makes the folder where it does not exist.
  ///
  /// - Parameters:
  ///   - folder: Where the shards go; it must hold none yet.
  ///   - channelCount: C.
  ///   - elementType: The type that the features are stored in: F16, BF16 or F32.
  ///   - shardByteCount: About how large the features of a shard get.
  ///   - metadata: The texts to keep in every shard: strides and anchors.
  /// - Throws: `FeatureSetError` if the folder holds shards already; Foundation's error if it cannot be made.
  public init(
    at folder: String, channelCount: Int, elementType: TensorElementType = .float32, shardByteCount: Int = 1 << 28,
    metadata: [String: String]
  ) throws {
    guard channelCount > 0, [.float16, .bfloat16, .float32].contains(elementType) else {
      throw FeatureSetError(
        path: folder, code: .writing, detail: "maps have one or more channels, stored as F16, BF16 or F32")
    }
    try makeFolder(at: folder)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    if names.contains(where: { name in [".safetensors", ".npz", ".npy"].contains { name.hasSuffix($0) } }) {
      throw FeatureSetError(
        path: folder, code: .writing, detail: "holds shards already; remove them or choose another folder")
    }
    self.folder = folder
    self.channelCount = channelCount
    self.elementType = elementType
    self.shardByteCount = shardByteCount
    self.metadata = metadata
  }

  /// Adds the maps of an image.
  ///
  /// - Parameter maps: Of an image whose id is above the last one's.
  /// - Throws: `FeatureSetError` if sizes do not match or ids do not ascend; `FileError`.
  public func append(_ maps: ImageMaps) throws {
    func fault(_ tensor: String, _ detail: String) -> FeatureSetError {
      FeatureSetError(path: folder, tensor: tensor, code: .writing, detail: "image \(maps.imageID): \(detail)")
    }
    guard maps.levels.allSatisfy({ (1...1 << 15).contains($0.height) && (1...1 << 15).contains($0.width) }) else {
      throw fault("level_shapes", "every level is from 1 to 32768 high and wide")
    }
    guard (1...1e6).contains(maps.size.x), (1...1e6).contains(maps.size.y) else {
      throw fault("image_sizes", "\(maps.size.y) × \(maps.size.x) is no height and width of an image")
    }
    let count = maps.levels.reduce(0) { $0 + $1.count }
    guard count > 0, maps.features.count == count * channelCount else {
      throw fault("features", "\(maps.features.count) numbers are not \(channelCount) channels of \(count) locations")
    }
    if let deltas = maps.boxDeltas, deltas.isEmpty || !deltas.count.isMultiple(of: 4 * count) {
      throw fault("box_deltas", "\(deltas.count) numbers are no rows of 4 for anchors of \(count) locations")
    }
    if let last {
      guard last.imageID < maps.imageID else {
        throw fault("image_ids", "stands behind image \(last.imageID), ids must ascend")
      }
      guard last.levels.count == maps.levels.count else {
        throw fault("level_shapes", "every image has as many levels")
      }
      guard (last.boxDeltas == nil) == (maps.boxDeltas == nil) else {
        throw fault("box_deltas", "every image has them or none")
      }
    }
    last = maps
    waiting.append(maps)
    waitingBytes += maps.features.count * elementType.byteCount
    if waitingBytes >= shardByteCount { try writeShard() }
  }

  /// Writes the last shard.
  ///
  /// - Throws: `FileError`.
  public func finish() throws { if !waiting.isEmpty { try writeShard() } }

  private func writeShard() throws {
    let count = waiting.count
    let locations = waiting.reduce(0) { $0 + $1.features.count / channelCount }
    var tensors = [
      NamedTensor(
        "features", floats: waiting.flatMap(\.features), shape: [locations, channelCount], as: elementType),
      NamedTensor("image_ids", integers: waiting.map { Int64($0.imageID) }, shape: [count]),
      NamedTensor(
        "level_shapes",
        integers: waiting.flatMap { $0.levels.flatMap { [Int64($0.height), Int64($0.width)] } },
        shape: [count, waiting[0].levels.count, 2]),
      NamedTensor("image_scales", floats: waiting.flatMap { [$0.scale.x, $0.scale.y] }, shape: [count, 2]),
      NamedTensor(
        "image_sizes", integers: waiting.flatMap { [Int64($0.size.y), Int64($0.size.x)] }, shape: [count, 2]),
    ]
    if waiting[0].boxDeltas != nil {
      let deltas = waiting.flatMap { $0.boxDeltas ?? [] }
      tensors.append(NamedTensor("box_deltas", floats: deltas, shape: [deltas.count / 4, 4]))
    }
    let name = "shard-\(String(repeating: "0", count: max(0, 5 - "\(shardCount)".count)))\(shardCount).safetensors"
    try writeSafetensors(
      tensors, metadata: metadata.merging(["kind": "feature maps"]) { $1 },
      to: (folder as NSString).appendingPathComponent(name))
    shardCount += 1
    waiting.removeAll(keepingCapacity: true)
    waitingBytes = 0
  }
}
