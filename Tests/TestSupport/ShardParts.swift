import TensorFiles

/// A shard as tensors that a test can change before it is written.
public struct ShardParts {
  /// The tensors by name.
  public var tensors: [String: NamedTensor]

  /// `imageIDs.count` RoIs with 3 features each: row r has features 10 r, 10 r + 1, 10 r + 2 and the box (r, r, r + 2, r
  /// + 4).
  public init(imageIDs: [Int64], firstRow: Int = 0, elementType: TensorElementType = .float16, labels: [Int64]? = nil) {
    let rows = firstRow..<firstRow + imageIDs.count
    tensors = [
      "features": NamedTensor(
        "features", floats: rows.flatMap { r in (0..<3).map { Float(10 * r + $0) } }, shape: [imageIDs.count, 3],
        as: elementType),
      "boxes": NamedTensor(
        "boxes", floats: rows.flatMap { [Float($0), Float($0), Float($0 + 2), Float($0 + 4)] },
        shape: [imageIDs.count, 4]),
      "image_ids": NamedTensor("image_ids", integers: imageIDs, shape: [imageIDs.count]),
    ]
    tensors["labels"] = labels.map { NamedTensor("labels", integers: $0, shape: [imageIDs.count]) }
  }

  /// Writes the shard.
  public func write(to path: String) throws { try writeSafetensors(Array(tensors.values), to: path) }
}
