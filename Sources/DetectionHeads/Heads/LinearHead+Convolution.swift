import DenseLinearAlgebra
import LVISDatasets
import TensorFiles

/// The last 3 × 3 convolution of a dense detector as a layer of patches: frameworks keep its weight as [A · K, D, 3, 3], the
/// products here want rows of 9 D numbers in the order of a patch, row by row of the neighbourhood, the channels of each
/// location together.
extension LinearHead {
  /// The key of A in a head file.
  static let anchorCountKey = "anchors_per_location"

  /// The classification layers of dense detectors, each with the box layer beside it: torchvision's, detectron2's,
  /// mmdetection's RetinaNet.
  package static let denseLayers = [
    (classifier: "head.classification_head.cls_logits", boxes: "head.regression_head.bbox_reg"),
    (classifier: "head.cls_score", boxes: "head.bbox_pred"),
    (classifier: "bbox_head.retina_cls", boxes: "bbox_head.retina_reg"),
  ]

  /// Reads a convolution `NAME.weight` [rows, D, 3, 3] and `NAME.bias` [rows].
  ///
  /// - Returns: The rows as patches [rows, 9 D].
  /// - Throws: `TensorFileError` if one is missing; `LinearHeadError` if they do not fit or a number is not finite.
  package static func convolutionRows(_ file: any TensorContainer, name: String) throws -> LinearRows {
    let (weight, bias) = (try file.tensor("\(name).weight"), try file.tensor("\(name).bias"))
    guard weight.shape.count == 4, weight.shape[0] > 0, weight.shape[1] > 0, weight.shape[2...] == [3, 3],
      bias.shape == [weight.shape[0]]
    else {
      throw LinearHeadError(
        .wrongShape,
        "\(name).weight has shape \(weight.shape) and \(name).bias \(bias.shape); a convolution [rows, D, 3, 3] and "
          + "[rows] are expected", path: file.path)
    }
    let rows = LinearRows(
      weight: patchRows(try weight.floats(), rows: weight.shape[0], channels: weight.shape[1]),
      bias: try bias.floats())
    guard rows.weight.storage.allSatisfy(\.isFinite), rows.bias.allSatisfy(\.isFinite) else {
      throw LinearHeadError(.notFinite, "a number of \(name) is not finite", path: file.path)
    }
    return rows
  }

  /// [rows, D, 3, 3] as [rows, 9 D].
  package static func patchRows(_ values: [Float], rows: Int, channels: Int) -> Matrix<Float> {
    var result = [Float](repeating: 0, count: values.count)
    for row in 0..<rows {
      for channel in 0..<channels {
        for tap in 0..<9 {
          result[(row * 9 + tap) * channels + channel] = values[(row * channels + channel) * 9 + tap]
        }
      }
    }
    return Matrix(rows: rows, columns: 9 * channels, values: result)
  }

  /// [rows, 9 D] as [rows, D, 3, 3].
  package static func convolution(_ weight: Matrix<Float>) -> (values: [Float], shape: [Int]) {
    let channels = weight.columns / 9
    let values = weight.storage
    var result = [Float](repeating: 0, count: values.count)
    for row in 0..<weight.rows {
      for channel in 0..<channels {
        for tap in 0..<9 {
          result[(row * channels + channel) * 9 + tap] = values[(row * 9 + tap) * channels + channel]
        }
      }
    }
    return (result, [weight.rows, channels, 3, 3])
  }

  /// The name of a dense detector's classification layer that a file has; `nil` where it has none.
  package static func denseLayer(in file: any TensorContainer) -> (classifier: String, boxes: String)? {
    let names = Set(file.names)
    return denseLayers.first { names.contains("\($0.classifier).weight") }
  }

  /// Reads the classification layer of a dense detector's own file: a sigmoid for each class.
  ///
  /// A follows from the box layer beside it, or from the number of classes. Where it has a row more for each anchor than
  /// there are classes, as in torchvision where the user counted background, the first is left out.
  ///
  /// - Parameters:
  ///   - file: The file, without a prefix.
  ///   - layer: The names of its layers.
  ///   - groups: The classes, in the order of the layer's.
  /// - Throws: `TensorFileError` or `LinearHeadError` if the layer is missing or does not fit the classes.
  package init(
    detector file: any TensorContainer, layer: (classifier: String, boxes: String), groups: CategoryGroups
  ) throws {
    let rows = try Self.convolutionRows(file, name: layer.classifier)
    let classCount = groups.classCount
    let boxRows = try file.tensorIfPresent("\(layer.boxes).weight")?.shape.first
    let anchorCount: Int
    if let boxRows, boxRows > 0, boxRows.isMultiple(of: 4) {
      anchorCount = boxRows / 4
    } else {
      anchorCount =
        rows.bias.count.isMultiple(of: classCount) ? rows.bias.count / classCount : rows.bias.count / (classCount + 1)
    }
    let perAnchor = anchorCount > 0 ? rows.bias.count / anchorCount : 0
    guard anchorCount > 0, rows.bias.count.isMultiple(of: anchorCount),
      [classCount, classCount + 1].contains(perAnchor)
    else {
      throw LinearHeadError(
        .wrongClasses,
        "\(layer.classifier) has \(rows.bias.count) outputs; A for each of the \(classCount) classes are expected",
        path: file.path)
    }
    let columns = rows.weight.columns
    let skipped = perAnchor - classCount
    var (values, bias): ([Float], [Float]) = ([], [])
    for anchor in 0..<anchorCount {
      let first = anchor * perAnchor + skipped
      values += rows.weight.storage[first * columns..<(first + classCount) * columns]
      bias += rows.bias[first..<first + classCount]
    }
    try self.init(
      weight: Matrix(rows: bias.count, columns: columns, values: values), bias: bias,
      layout: AnchoredLayout(SigmoidLayout(classCount: classCount), anchorCount: anchorCount), groups: groups,
      method: "own-head")
  }
}

extension LinearHead {
  /// The classifier of one anchor of a dense head alone; `nil` where it is none.
  package func anchor(_ index: Int) -> LinearHead? {
    guard let layout = layout as? AnchoredLayout, (0..<layout.anchorCount).contains(index) else { return nil }
    let rows = index * layout.base.logitCount..<(index + 1) * layout.base.logitCount
    let columns = weight.columns
    return try? LinearHead(
      weight: Matrix(
        rows: rows.count, columns: columns,
        values: Array(weight.storage[rows.lowerBound * columns..<rows.upperBound * columns])),
      bias: Array(bias[rows]), layout: layout.base, groups: groups, method: method)
  }

  /// The dense head whose anchors' classifiers each come from a change of this one's.
  ///
  /// - Parameter change: Gives a classifier of the same features; all in one layout.
  /// - Throws: What the change throws.
  package func mappingAnchors(_ change: (LinearHead) throws -> LinearHead) throws -> LinearHead {
    try mappingAnchors { part, _ in try change(part) }
  }

  /// The same with the place of the anchor.
  package func mappingAnchors(_ change: (LinearHead, Int) throws -> LinearHead) throws -> LinearHead {
    guard let anchorCount = layout.anchorsPerLocation else { return try change(self, 0) }
    let parts = try (0..<anchorCount).compactMap { place in try anchor(place).map { try change($0, place) } }
    guard let first = parts.first else { return self }
    return try LinearHead(
      weight: Matrix(
        rows: parts.reduce(0) { $0 + $1.weight.rows }, columns: weight.columns, values: parts.flatMap(\.weight.storage)),
      bias: parts.flatMap(\.bias), layout: AnchoredLayout(first.layout, anchorCount: anchorCount), groups: groups,
      method: first.method)
  }
}
