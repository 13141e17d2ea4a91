import TensorFiles

/// One file of a feature set: its tensors' shapes and types checked, their values not yet.
struct FeatureShard: Sendable {
  let path: String
  /// N, the RoIs in this shard.
  let rowCount: Int
  /// D.
  let featureCount: Int
  /// The set's row that is this shard's row 0.
  let firstRow: Int
  let imageIDs: TensorView
  let labels: TensorView?
  private let columns: [FeatureColumn: TensorView]
  private let widths: [FeatureColumn: Int]

  init(_ container: any TensorContainer, firstRow: Int) throws {
    path = container.path
    self.firstRow = firstRow
    let features = try container.tensor(FeatureColumn.features.rawValue)
    guard features.shape.count == 2, features.shape[1] > 0 else {
      throw Self.shapeError(features, expected: "[N, D] with D > 0")
    }
    rowCount = features.shape[0]
    featureCount = features.shape[1]

    imageIDs = try container.tensor("image_ids")
    labels = try container.tensorIfPresent("labels")
    for integers in [imageIDs, labels].compacted() {
      guard !integers.elementType.isFloatingPoint else {
        throw Self.elementTypeError(integers, expected: "integers (I64)")
      }
      guard integers.shape == [rowCount] else { throw Self.shapeError(integers, expected: "[\(rowCount)]") }
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
    case .features: return shape[1]
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
