import DenseLinearAlgebra
import DetectionHeads
import HeadTraining
import LVISDatasets
import TensorFiles

/// The class head of one of transformers' query detectors: DETR, Conditional DETR, DAB-DETR, Deformable DETR, RT-DETR (v1
/// and v2), D-FINE, RF-DETR and their kin.
///
/// Legend: C classes, D features.
public struct QueryDetectorHead: Sendable {
  /// The head, its classes by ascending category id: softmax with background ("no object") first, or sigmoid.
  public let classifier: LinearHead
  /// The type in which its numbers are stored: F32, F16 or BF16.
  public let elementType: TensorElementType
  /// The rows of the detector's that are no category; empty where it was read from no detector's file.
  public let otherRows: [Int]

  /// Takes a head to be written.
  ///
  /// - Throws: `ModelExportError` if it is a dense one, or has several layers or stages.
  public init(classifier: LinearHead) throws {
    let own = try DetectorHead(classifier: classifier).classifier
    (self.classifier, elementType, otherRows) = (own, .float32, [])
  }

  /// Reads a detector's weights, whole or of the class head alone.
  ///
  /// D-FINE adds a number of each query's to its logits; its head has one feature more, that number, with a weight of 1.
  ///
  /// - Parameters:
  ///   - file: The weights.
  ///   - description: What the file does not say.
  /// - Throws: `TensorFileError` if something cannot be read; `ModelExportError`, `LinearHeadError` or
  ///   `CategoryGroupsError` if there is no such head or it does not fit the classes.
  public init(_ file: any TensorContainer, _ description: DetectorHeadDescription) throws {
    do {
      let place = try QueryClassifier(in: file, prefix: description.prefix)
      let groups = try DetectorHead.groups(file, description.groups)
      let rows = try LinearRows(file, name: place.key)
      let (layout, order) = try QueryClassifier.rows(
        place.key, rowCount: rows.bias.count, order: description.order, groups: groups,
        layout: file.metadata["layout"] ?? description.layout)
      var own = rows.puttingBack(order)
      if place.addsQuality { own = own.appendingColumn(of: 1) }
      classifier = try LinearHead(
        weight: own.weight, bias: own.bias, layout: layout, groups: groups,
        method: file.metadata["method"] ?? layout.name)
      let type = try file.tensor("\(place.key).weight").elementType
      elementType = [.float16, .bfloat16].contains(type) ? type : .float32
      otherRows = order.enumerated().filter { $1 == nil }.map(\.offset)
    } catch let error as ModelExportError {
      throw ModelExportError(error.code, error.detail, path: file.path)
    }
  }

  /// Writes the head under transformers' keys, "no object" last.
  ///
  /// - Parameters:
  ///   - order: How the detector numbers its classes.
  ///   - detector: The detector's weights, which are written with these rows in place of its own and of those tied to
  ///     them; rows that are no category, and all else, stay as they are. `nil` to write the head alone, as
  ///     `class_labels_classifier` or `class_embed`.
  ///   - path: An `.npz` archive where it ends so, else safetensors.
  /// - Returns: Whether the encoder of the detector chooses its queries by the same rows, so that detections differ from
  ///   those on cached queries.
  /// - Throws: `ModelExportError` if the head is neither a softmax nor a sigmoid one, or the detector's has other rows or
  ///   features; `TensorFileError` if it cannot be read; `FileError`.
  @discardableResult public func write(
    order: ClassOrder = .id, into detector: (any TensorContainer)? = nil, to path: String
  ) throws -> Bool {
    let head = try classifier.foldingScales()
    let place = try detector.map { try QueryClassifier(in: $0, prefix: nil) }
    let target = try detector.flatMap { file in try place.map { try LinearRows(file, name: $0.key) } }
    let key = place?.key ?? (head.layout is SoftmaxLayout ? "class_labels_classifier" : "class_embed")
    let (_, rowOrder) = try QueryClassifier.rows(
      key, rowCount: target?.bias.count, order: order, groups: head.groups, layout: head.layout.name)
    var own = LinearRows(weight: head.weight, bias: head.bias)
    if place?.addsQuality == true { own = try own.droppingColumnOfOnes() }
    guard target != nil || !rowOrder.contains(nil) else {
      throw ModelExportError(
        .missingTensor,
        "the list of classes has some that are no category, whose rows are the detector's: its weights are needed too")
    }
    guard target.map({ $0.weight.columns == own.weight.columns }) ?? true else {
      throw ModelExportError(
        .wrongShape,
        "\(key).weight of the detector takes \(target?.weight.columns ?? 0) features, the head \(own.weight.columns)")
    }
    let rows = own.taking(rowOrder, else: target)
    var tensors = ([key] + (place?.tied ?? [])).flatMap { key in
      [
        NamedTensor(
          "\(key).weight", floats: rows.weight.storage, shape: [rows.weight.rows, rows.weight.columns], as: elementType),
        NamedTensor("\(key).bias", floats: rows.bias, shape: [rows.bias.count], as: elementType),
      ]
    }
    if let detector {
      let replaced = Set(tensors.map(\.name))
      tensors += try detector.names.filter { !replaced.contains($0) }.map { name in
        let tensor = try detector.tensor(name)
        return NamedTensor(
          name, bytes: tensor.withUnsafeBytes { Array($0) }, elementType: tensor.elementType, shape: tensor.shape)
      }
    }
    if path.hasSuffix(".npz") {
      try writeNumPyArchive(tensors, to: path)
    } else {
      let metadata = try head.metadata().merging(
        ["format": "bags-detector-head", "framework": DetectorFramework.transformers.rawValue]) { $1 }
      try writeSafetensors(
        tensors, metadata: metadata.merging(detector?.metadata ?? [:]) { own, _ in own }, to: path)
    }
    return place?.isEncoders ?? false
  }
}

extension LinearRows {
  /// The rows with one number more.
  fileprivate func appendingColumn(of value: Float) -> LinearRows {
    LinearRows(
      weight: Matrix(
        rows: weight.rows, columns: weight.columns + 1,
        values: (0..<weight.rows).flatMap { Array(weight.row($0)) + [value] }), bias: bias)
  }

  /// The rows without the last number, which the model adds to all logits alike.
  fileprivate func droppingColumnOfOnes() throws -> LinearRows {
    let last = weight.columns - 1
    guard last > 0, (0..<weight.rows).allSatisfy({ weight[$0, last] == 1 }) else {
      throw ModelExportError(
        .unsupported,
        "the detector adds its quality to all logits alike, and the head weighs it by class; the functions of Integrations "
          + "put such a head into the model")
    }
    return LinearRows(
      weight: Matrix(
        rows: weight.rows, columns: last, values: (0..<weight.rows).flatMap { Array(weight.row($0).prefix(last)) }),
      bias: bias)
  }
}
