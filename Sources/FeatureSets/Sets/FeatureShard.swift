import TensorFiles

/// One file of a feature set: its tensors' shapes and types checked, their values not yet.
struct FeatureShard: Sendable {
  let path: String
  /// The texts beside the tensors.
  let metadata: [String: String]
  /// N, the RoIs in this shard.
  let rowCount: Int
  /// D; S · D where there are features of S stages.
  let featureCount: Int
  /// S, the stages of a cascade that features are there for; 1 for other detectors.
  let stageCount: Int
  /// The shape of each RoI's pooled map, `features` being [N, C, H, W]; `nil` for vectors.
  let pooledShape: PooledShape?
  /// The stages that `labels` tells apart.
  let labelStageCount: Int
  /// The set's row that is this shard's row 0.
  let firstRow: Int
  let imageIDs: TensorView
  let labels: TensorView?
  private let columns: [FeatureColumn: TensorView]
  private let widths: [FeatureColumn: Int]

  init(_ container: any TensorContainer, firstRow: Int) throws {
    path = container.path
    metadata = container.metadata
    self.firstRow = firstRow
    guard !container.names.contains("level_shapes") else {
      throw FeatureSetError(
        path: container.path, code: .kind,
        detail: "is a set of feature maps, of a dense detector; RoIs or queries are expected here")
    }
    let features = try container.tensor(FeatureColumn.features.rawValue)
    guard (2...4).contains(features.shape.count), features.shape.dropFirst().allSatisfy({ $0 > 0 }) else {
      throw Self.shapeError(
        features,
        expected: "[N, D] with D > 0, [N, S, D] for S stages of a cascade, or [N, C, H, W] for pooled maps,")
    }
    rowCount = features.shape[0]
    stageCount = features.shape.count == 3 ? features.shape[1] : 1
    pooledShape =
      features.shape.count == 4
      ? PooledShape(channels: features.shape[1], height: features.shape[2], width: features.shape[3]) : nil
    featureCount = features.shape.dropFirst().reduce(1, *)

    imageIDs = try container.tensor("image_ids")
    labels = try container.tensorIfPresent("labels")
    for integers in [imageIDs, labels].compacted() {
      guard !integers.elementType.isFloatingPoint else {
        throw Self.elementTypeError(integers, expected: "integers (I64)")
      }
    }
    guard imageIDs.shape == [rowCount] else { throw Self.shapeError(imageIDs, expected: "[\(rowCount)]") }
    labelStageCount = labels?.shape.count == 2 ? stageCount : 1
    if let labels, labels.shape != [rowCount], labels.shape != [rowCount, stageCount] {
      throw Self.shapeError(
        labels, expected: stageCount > 1 ? "[\(rowCount)] or [\(rowCount), \(stageCount)]" : "[\(rowCount)]")
    }

    var columns: [FeatureColumn: TensorView] = [:]
    var widths: [FeatureColumn: Int] = [:]
    for column in FeatureColumn.allCases {
      guard
        let tensor = try column.isRequired
          ? container.tensor(column.rawValue) : container.tensorIfPresent(column.rawValue)
      else { continue }
      guard tensor.elementType.isFloatingPoint else {
        throw Self.elementTypeError(tensor, expected: "floating-point numbers (F32, F16 or BF16)")
      }
      widths[column] = try Self.width(of: column, tensor, rowCount: rowCount)
      columns[column] = tensor
    }
    self.columns = columns
    self.widths = widths
  }

  /// The numbers of a column in each row; `nil` where the shard does not have it.
  func width(of column: FeatureColumn) -> Int? { widths[column] }

  /// A column's tensor; `nil` where the shard does not have it.
  func tensor(_ column: FeatureColumn) -> TensorView? { columns[column] }

  private static func width(of column: FeatureColumn, _ tensor: TensorView, rowCount: Int) throws -> Int {
    let shape = tensor.shape
    switch column {
    case .features: return shape.dropFirst().reduce(1, *)
    case .boxes, .groundTruthBoxes:
      guard shape == [rowCount, 4] else { throw shapeError(tensor, expected: "[\(rowCount), 4]") }
      return 4
    case .boxDeltas:
      guard shape.count == 2, shape[0] == rowCount, shape[1] > 0, shape[1].isMultiple(of: 4) else {
        throw shapeError(tensor, expected: "[\(rowCount), 4], or [\(rowCount), 4C] for C classes")
      }
      return shape[1]
    case .ious, .objectness:
      guard shape == [rowCount] else { throw shapeError(tensor, expected: "[\(rowCount)]") }
      return 1
    }
  }

  private static func shapeError(_ tensor: TensorView, expected: String) -> FeatureSetError {
    FeatureSetError(
      path: tensor.path, tensor: tensor.name, code: .shape,
      detail: "its shape is \(tensor.shape), \(expected) is expected")
  }

  private static func elementTypeError(_ tensor: TensorView, expected: String) -> FeatureSetError {
    FeatureSetError(
      path: tensor.path, tensor: tensor.name, code: .elementType,
      detail: "its elements are \(tensor.elementType.rawValue), \(expected) are expected")
  }
}

extension Sequence {
  fileprivate func compacted<Wrapped>() -> [Wrapped] where Element == Wrapped? { compactMap { $0 } }
}
