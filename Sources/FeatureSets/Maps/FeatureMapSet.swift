import TensorFiles

/// Feature maps cached by a dense detector such as RetinaNet, on which its last convolutions are trained and from which it
/// predicts.
///
/// Legend: M locations, C channels, L levels, A anchors a location. A set is a folder of shards as a set of RoIs is
/// (``FeatureSet``), told from one by its tensor `level_shapes`. `features` [M, C] has a row for every location: image
/// after image, by ascending id, level after level, the finest first, row by row.
///
/// Opening checks every shape, that ids ascend, sizes and scales. Maps are mapped into memory and checked where they are
/// copied, so that a set may be larger than memory.
public struct FeatureMapSet: Sendable {
  /// The height and width of the map of a level, in locations.
  public struct LevelShape: Sendable, Hashable {
    /// The number of rows.
    public let height: Int
    /// The number of locations in a row.
    public let width: Int

    /// Makes a shape.
    public init(height: Int, width: Int) {
      self.height = height
      self.width = width
    }

    /// The number of locations.
    public var count: Int { height * width }
  }

  /// An image and its maps.
  public struct Image: Sendable, Hashable, Identifiable {
    /// The image's id.
    public let id: Int
    /// Its locations in the set, of all levels.
    public let locations: Range<Int>
    /// The levels, the finest first.
    public let levels: [LevelShape]
    /// The size that the detector saw ÷ the original size, x and y.
    public let scale: SIMD2<Float>
    /// The width and height that the detector saw, before padding, in pixels.
    public let size: SIMD2<Float>
  }

  /// The folder or file, as the user gave it.
  public let path: String
  /// The images by ascending id.
  public internal(set) var images: [Image]
  /// The number C of channels.
  public let channelCount: Int
  /// The number M of locations of all images.
  public let locationCount: Int
  /// The number A of anchors of a location that the set has box deltas of; `nil` where it has none.
  public let anchorsPerLocation: Int?
  /// The texts that the first shard keeps: strides, sizes and ratios of the anchors.
  public let metadata: [String: String]
  /// The type in which the maps are stored.
  public let elementType: TensorElementType
  let shards: [FeatureMapShard]

  /// Whether a folder or a file is a set of feature maps, by its first shard.
  ///
  /// - Throws: `FileError` or `TensorFileError` if it cannot be read; `FeatureSetError` if it holds no shards.
  public static func isMapSet(at path: String) throws -> Bool {
    guard let first = try FeatureSet.shardPaths(at: path).first else { return false }
    return try openTensors(at: first).names.contains("level_shapes")
  }

  /// Opens a folder of shards or one shard; maps are mapped, not read.
  ///
  /// - Parameter path: The folder or the file.
  /// - Throws: `FileError` if something cannot be read; `TensorFileError` if a shard is at fault as a file,
  ///   `FeatureSetError` if what it holds is.
  public init(at path: String) throws {
    var shards: [FeatureMapShard] = []
    var next = 0
    for shardPath in try FeatureSet.shardPaths(at: path) {
      let shard = try FeatureMapShard(openTensors(at: shardPath), firstLocation: next)
      if let first = shards.first {
        try Self.check(shard, isLike: first, filled: shards.first { !$0.images.isEmpty })
      }
      if let last = shards.last?.images.last, let image = shard.images.first, last.id >= image.id {
        throw FeatureSetError(
          path: shard.path, tensor: "image_ids", row: 0, code: .imageOrder,
          detail: "image \(image.id) stands behind image \(last.id): ids must ascend, through all shards in name order")
      }
      next += shard.locationCount
      shards.append(shard)
    }
    guard let first = shards.first, next > 0 else {
      throw FeatureSetError(path: path, code: .empty, detail: "holds no feature maps")
    }
    self.path = path
    self.shards = shards.filter { $0.locationCount > 0 }
    images = shards.flatMap(\.images)
    channelCount = first.channelCount
    locationCount = next
    anchorsPerLocation = first.anchorsPerLocation
    metadata = first.metadata
    elementType = first.features.elementType
  }

  /// The number L of levels.
  public var levelCount: Int { images.first?.levels.count ?? 0 }

  /// The number of convolutions of a branch between the maps and its last one, which the set states as `tower`: 4 where they
  /// are a pyramid's, as a rule, 0 where they are the output of a detector's tower; `nil` where it states none.
  public var statedTower: Int? { metadata["tower"].flatMap { Int($0) } }

  private static func check(
    _ shard: FeatureMapShard, isLike first: FeatureMapShard, filled: FeatureMapShard?
  ) throws {
    func fault(_ tensor: String, _ detail: String) -> FeatureSetError {
      FeatureSetError(path: shard.path, tensor: tensor, code: .mixedShards, detail: detail)
    }
    guard shard.channelCount == first.channelCount else {
      throw fault("features", "\(shard.channelCount) channels, but \(first.channelCount) in \(first.path)")
    }
    guard shard.anchorsPerLocation == first.anchorsPerLocation else {
      throw fault("box_deltas", "every shard must have as many a location, or none: \(first.path) is otherwise")
    }
    if let image = shard.images.first, let filled, let other = filled.images.first,
      image.levels.count != other.levels.count
    {
      throw fault("level_shapes", "\(image.levels.count) levels, but \(other.levels.count) in \(filled.path)")
    }
  }
}
