import DurableFiles
import Foundation
import TensorFiles

/// RoI features cached by a detector, on which a classifier is trained and from which it predicts; or those of the queries
/// of a detector without suppression, or of whole images, which have no boxes (``FeatureSet/Kind``).
///
/// Legend: N RoIs, D features, C classes. A set is a folder of shards in natural name order (`2` before `10`), all
/// safetensors files or all `.npz` archives, or one such file; or a folder of `.npy` files, `features.npy`, `boxes.npy`
/// and so on, one a tensor. They are mapped into memory, so that a set may be larger than that. RoIs are numbered 0..<N
/// through all shards, in the order of ascending image ids; an image may begin in one shard and go on in the next.
///
/// Opening checks every shape and element type, that image ids ascend, and every box. Features are checked where they
/// are copied, at no cost; `checkFeatures()` goes through all of them beforehand.
public struct FeatureSet: Sendable {
  /// The RoIs of one image.
  public struct Image: Sendable, Hashable, Identifiable {
    /// The image's id.
    public let id: Int
    /// The rows of its RoIs in the set.
    public let rows: Range<Int>
  }

  /// The folder or file, as the user gave it.
  public let path: String
  /// The number N of RoIs.
  public let roiCount: Int
  /// The length of a RoI's features: D, or S · D where there are features of S stages.
  public let featureCount: Int
  /// The number S of stages of a cascade that there are features of, `features` being [N, S, D]; 1 for other detectors.
  public let stageCount: Int
  /// The shape of each RoI's pooled map, `features` being [N, C, H, W]; `nil` where a RoI has a vector. A map's numbers
  /// follow each other as in the file, so that a head reads it as C · H · W features.
  public let pooledShape: PooledShape?
  /// The examples of the set, which decide how they become detections.
  public let kind: Kind
  /// The texts that the first shard keeps; empty for npz and npy.
  public let metadata: [String: String]
  /// The type in which the features are stored: F16, BF16 or F32.
  public let elementType: TensorElementType
  /// The images by ascending id, each with its rows.
  public internal(set) var images: [Image]
  let shards: [FeatureShard]

  /// Opens a folder of shards, one shard, or a folder of `.npy` files; features are mapped, not read.
  ///
  /// - Parameter path: The folder or the file.
  /// - Throws: `FileError` if something cannot be read; `TensorFileError` if a shard is at fault as a file,
  ///   `FeatureSetError` if what it holds is.
  public init(at path: String) throws {
    let shardPaths = try Self.shardPaths(at: path)
    var shards: [FeatureShard] = []
    var rowCount = 0
    for shardPath in shardPaths {
      let shard = try FeatureShard(openTensors(at: shardPath), firstRow: rowCount)
      if let first = shards.first { try Self.check(shard, isLike: first) }
      rowCount += shard.rowCount
      shards.append(shard)
    }
    guard let first = shards.first, rowCount > 0 else {
      throw FeatureSetError(path: path, code: .empty, detail: "holds no RoIs")
    }
    self.path = path
    self.shards = shards.filter { $0.rowCount > 0 }
    roiCount = rowCount
    featureCount = first.featureCount
    stageCount = first.stageCount
    pooledShape = first.pooledShape
    kind = try Self.kind(of: first)
    metadata = first.metadata
    elementType = first.tensor(.features)?.elementType ?? .float32
    images = try Self.images(of: shards)
    try checkBoxes()
  }

  /// Whether the set states its RoIs' labels.
  public var hasLabels: Bool { shards.first?.labels != nil }
  /// Whether its examples have boxes; those that are whole images have none.
  public var hasBoxes: Bool { kind != .images }

  /// The numbers of a column in each row; `nil` where the set does not have it.
  public func width(of column: FeatureColumn) -> Int? { shards.first?.width(of: column) }

  /// The shards of a set in natural name order.
  static func shardPaths(at path: String) throws -> [String] {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      throw FileError(path: path, operation: "open", code: ENOENT)
    }
    guard isFolder.boolValue else { return [path] }
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw FileError(path: path, operation: "list the folder", code: error.systemCode)
    }
    let visible = names.filter { !$0.hasPrefix(".") }
    let kinds = [".safetensors", ".npz", ".npy"].map { suffix in visible.filter { $0.hasSuffix(suffix) } }
    let found = kinds.filter { !$0.isEmpty }
    guard let shards = found.first else {
      // One of another format is named in the words of what it is, where that is known.
      for name in visible.sorted(by: isInNaturalOrder)
      where [".pth", ".pt", ".ckpt", ".bin", ".pkl"].contains(where: name.hasSuffix) {
        _ = try openTensors(at: (path as NSString).appendingPathComponent(name))
      }
      throw FeatureSetError(path: path, code: .empty, detail: "holds no *.safetensors, *.npz or *.npy file")
    }
    guard found.count == 1 else {
      let examples = found.compactMap(\.first).joined(separator: " and ")
      throw FeatureSetError(
        path: path, code: .mixedShards, detail: "holds files of different formats, such as \(examples); keep one kind")
    }
    // npy files are one shard together.
    if !kinds[2].isEmpty { return [path] }
    return shards.sorted(by: isInNaturalOrder).map { (path as NSString).appendingPathComponent($0) }
  }

  private static func check(_ shard: FeatureShard, isLike first: FeatureShard) throws {
    func fault(_ tensor: String, _ detail: String) -> FeatureSetError {
      FeatureSetError(path: shard.path, tensor: tensor, code: .mixedShards, detail: detail)
    }
    guard (shard.labels == nil) == (first.labels == nil) else {
      throw fault("labels", "every shard must have it or none: \(first.path) is otherwise")
    }
    guard shard.stageCount == first.stageCount, shard.labelStageCount == first.labelStageCount else {
      throw fault("features", "of \(shard.stageCount) stages, but of \(first.stageCount) in \(first.path)")
    }
    guard shard.pooledShape == first.pooledShape else {
      func text(_ shard: FeatureShard) -> String {
        shard.pooledShape.map { "pooled maps of \($0)" } ?? "vectors of \(shard.featureCount)"
      }
      throw fault("features", "\(text(shard)), but \(text(first)) in \(first.path)")
    }
    let (kind, expected) = (try kind(of: shard), try kind(of: first))
    guard kind == expected || shard.width(of: .boxes) != first.width(of: .boxes) else {
      throw FeatureSetError(
        path: shard.path, code: .mixedShards,
        detail: "holds \(kind.rawValue), but \(first.path) holds \(expected.rawValue)")
    }
    for column in FeatureColumn.allCases where shard.width(of: column) != first.width(of: column) {
      guard let width = shard.width(of: column), let expected = first.width(of: column) else {
        throw fault(column.rawValue, "every shard must have it or none: \(first.path) is otherwise")
      }
      throw fault(column.rawValue, "\(width) numbers a row, but \(expected) in \(first.path)")
    }
  }

  private static func images(of shards: [FeatureShard]) throws -> [Image] {
    var images: [Image] = []
    var current: (id: Int, firstRow: Int)?
    var end = 0
    for shard in shards {
      for piece in pieces(of: 0..<shard.rowCount) {
        for (offset, id) in try shard.imageIDs.integers(piece).enumerated() {
          let row = shard.firstRow + piece.lowerBound + offset
          if let open = current, open.id == id { continue }
          if let open = current {
            guard open.id < id else {
              throw FeatureSetError(
                path: shard.path, tensor: "image_ids", row: piece.lowerBound + offset, code: .imageOrder,
                detail: "image \(id) stands behind image \(open.id): ids must ascend, through all shards in name order")
            }
            images.append(Image(id: open.id, rows: open.firstRow..<row))
          }
          current = (id, row)
        }
      }
      end = shard.firstRow + shard.rowCount
    }
    if let open = current { images.append(Image(id: open.id, rows: open.firstRow..<end)) }
    return images
  }
}

/// Cuts rows into pieces that a core works on at a time.
package func pieces(of rows: Range<Int>, size: Int = 1 << 15) -> [Range<Int>] {
  stride(from: rows.lowerBound, to: rows.upperBound, by: size).map { $0..<min($0 + size, rows.upperBound) }
}
