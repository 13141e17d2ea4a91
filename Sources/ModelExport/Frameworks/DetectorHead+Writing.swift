import DenseLinearAlgebra
import DetectionHeads
import Foundation
import HeadTraining
import TensorFiles

extension DetectorHead {
  /// Writes this project's own head file.
  ///
  /// - Throws: `ModelExportError` where `path` is not safetensors, whose metadata it needs; `FileError`.
  public func write(to path: String) throws {
    guard !path.hasSuffix(".npz") else {
      throw ModelExportError(
        .unsupported,
        "a head's classes, groups and layout stand in metadata, which npz has none of; write a .safetensors",
        path: path)
    }
    var metadata = try classifier.metadata()
    metadata.merge(regressor?.metadata ?? [:]) { own, _ in own }
    try writeSafetensors(
      classifier.tensors(as: elementType) + (regressor?.tensors(as: elementType) ?? []), metadata: metadata, to: path)
  }

  /// Writes the last layers of a detector under its framework's keys, its rows in that framework's order.
  ///
  /// - Parameters:
  ///   - stages: One head, or one for each stage of a cascade.
  ///   - framework: Whose keys.
  ///   - order: How the detector numbers its classes.
  ///   - detector: The detector's weights, which are written with these layers in place of its own; its rows that are
  ///     no category, and all else, are as they were. `nil` to write the layers alone.
  ///   - path: An `.npz` archive where it ends so, else safetensors, which also keeps classes, layout and method.
  /// - Throws: `ModelExportError` if the framework has no such layers, the stages' classes differ, or the detector has
  ///   other layers or rows; `TensorFileError` if it cannot be read; `FileError`.
  public static func write(
    _ stages: [DetectorHead], framework: DetectorFramework, order: ClassOrder = .id,
    into detector: (any TensorContainer)? = nil, to path: String
  ) throws {
    let stages = framework == .bags ? stages : try stages.map { try $0.foldingScales() }
    var tensors = try tensors(stages, framework: framework, order: order, into: detector)
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
      let metadata = try metadata(stages, framework: framework)
      try writeSafetensors(
        tensors, metadata: metadata.merging(detector?.metadata ?? [:]) { own, _ in own }, to: path)
    }
  }

  /// The tensors of a detector's last layers under its framework's keys, stage after stage.
  ///
  /// - Throws: As `write(_:framework:order:into:to:)`.
  public static func tensors(
    _ stages: [DetectorHead], framework: DetectorFramework, order: ClassOrder = .id,
    into detector: (any TensorContainer)? = nil
  ) throws -> [NamedTensor] {
    guard let first = stages.first else { throw ModelExportError(.unsupported, "there is no head to write") }
    for stage in stages
    where stage.classifier.groups != first.classifier.groups
      || stage.classifier.layout.name != first.classifier.layout.name
    {
      throw ModelExportError(
        .wrongClasses, "the stages of a cascade have the same classes, groups and layout; these differ")
    }
    let target = try detector.map { try TargetLayers(framework, in: $0) }
    return try stages.enumerated().flatMap { number, head in
      let stage = stages.count == 1 ? nil : number
      let plain = framework == .bags ? head.classifier : try head.classifier.foldingScales()
      let classifier = framework.isGrouped ? try plain.withOfficialBackground() : plain
      let place = try target?.layer(.classifier, stage: stage)
      let rows = try RowOrder(framework, order, groups: classifier.groups, rowCount: place?.rows.bias.count)
      let rowOrder = try rows.classifier(classifier.layout)
      try check(rowOrder, fits: place, features: classifier.inputs, isWhole: framework.isGrouped)
      let layer = LinearRows(weight: classifier.weight, bias: classifier.bias).taking(rowOrder, else: place?.rows)
      let tensors = named(place?.key ?? framework.key(.classifier, stage: stage), layer, head.elementType)
      guard let regressor = head.regressor else { return tensors }
      let boxPlace = try target?.layer(.regressor, stage: stage)
      let boxes = rows.regressor(of: regressor, else: boxPlace?.rows)
      if let boxPlace, boxPlace.rows.bias.count != boxes.bias.count || boxPlace.rows.weight.columns != regressor.inputs
      {
        throw ModelExportError(
          .wrongShape,
          "\(boxPlace.key).weight of the detector has \(boxPlace.rows.bias.count) rows of "
            + "\(boxPlace.rows.weight.columns) features; the box regressor has \(boxes.bias.count) of \(regressor.inputs)"
        )
      }
      return tensors + named(boxPlace?.key ?? framework.key(.regressor, stage: stage), boxes, head.elementType)
    }
  }

  /// - Throws: `ModelExportError` if a classifier's rows are not those of the detector, or there is none for the rows that
  ///   are no category.
  private static func check(
    _ order: [Int?], fits place: TargetLayers.Layer?, features: Int, isWhole: Bool
  ) throws {
    guard let place else {
      if order.contains(nil) {
        throw ModelExportError(
          .missingTensor,
          "the list of classes has some that are no category, whose rows are the detector's: its weights are needed too"
        )
      }
      return
    }
    guard place.rows.weight.columns == features else {
      throw ModelExportError(
        .wrongShape,
        "\(place.key).weight of the detector takes \(place.rows.weight.columns) features, the head \(features)")
    }
    // A grouped layer takes the place of another.
    guard isWhole || place.rows.bias.count == order.count else {
      throw ModelExportError(
        .wrongShape,
        "\(place.key).weight of the detector has \(place.rows.bias.count) rows, the head gives \(order.count); a class of "
          + "the detector that is no category stands as \(ClassOrder.noCategory) in the list of classes")
    }
  }

  private static func named(_ key: String, _ rows: LinearRows, _ type: TensorElementType) -> [NamedTensor] {
    [
      NamedTensor(
        "\(key).weight", floats: rows.weight.storage, shape: [rows.weight.rows, rows.weight.columns], as: type),
      NamedTensor("\(key).bias", floats: rows.bias, shape: [rows.bias.count], as: type),
    ]
  }

  private static func metadata(_ stages: [DetectorHead], framework: DetectorFramework) throws -> [String: String] {
    guard let first = stages.first else { return [:] }
    var metadata = try first.classifier.metadata()
    metadata["format"] = "bags-detector-head"
    metadata["framework"] = framework.rawValue
    metadata["temperature"] = (first.classifier.layout as? NormedLayout).map { "\($0.temperature)" }
    for (number, stage) in stages.enumerated() {
      let key = stages.count == 1 ? "box_stds" : "box_stds.\(number)"
      metadata[key] = stage.regressor?.metadata["box_stds"]
    }
    return metadata
  }
}

/// The last layers of a detector that others are to take the place of.
private struct TargetLayers {
  struct Layer {
    /// As it stands in the file, with its prefix.
    let key: String
    let rows: LinearRows
  }

  let framework: DetectorFramework
  let file: any TensorContainer
  let prefix: String

  init(_ framework: DetectorFramework, in file: any TensorContainer) throws {
    self.framework = framework
    self.file = try framework.tensors(in: file, prefix: nil)
    prefix = (self.file as? PrefixedTensors)?.prefix ?? ""
  }

  /// A layer; `nil` for a box regressor that the detector does not have.
  ///
  /// - Throws: `ModelExportError` if it has no such classifier; what reading it throws.
  func layer(_ layer: DetectorFramework.Layer, stage: Int?) throws -> Layer? {
    let key = framework.key(layer, stage: stage)
    guard file.names.contains("\(key).weight") else {
      guard layer == .regressor else {
        throw ModelExportError(
          .missingTensor, "\(file.path): has no \(key).weight to be replaced; the tensors there: \(listed(file.names))")
      }
      return nil
    }
    return Layer(key: (file as? ModuleTensors)?.storedName(key) ?? prefix + key, rows: try LinearRows(file, name: key))
  }
}

extension RowOrder {
  /// The rows of a regressor in the detector's order. What it has and ours does not, background or classes that are no
  /// category, is the detector's own, or zeros.
  fileprivate func regressor(of own: BoxRegressor, else detector: LinearRows?) -> LinearRows {
    let rows = LinearRows(weight: own.weight, bias: own.bias)
    guard !own.isClassAgnostic || (classes.count == 1 && own.background != nil) else { return rows }
    let first = framework.hasBackgroundDeltas ? 4 : 0
    let hasSame = detector.map { $0.bias.count == first + regressor.count && $0.weight.columns == own.inputs } ?? false
    let others = hasSame ? detector?.taking(Array(first..<first + regressor.count)) : nil
    let zeros = LinearRows(
      weight: Matrix(rows: regressor.count, columns: own.inputs), bias: Array(repeating: 0, count: regressor.count))
    let ordered = rows.taking(regressor, else: others ?? zeros)
    guard framework.hasBackgroundDeltas else { return ordered }
    let background =
      own.background ?? (hasSame ? detector?.taking(Array(0..<4)) : nil)
      ?? LinearRows(weight: Matrix(rows: 4, columns: own.inputs), bias: [0, 0, 0, 0])
    return LinearRows(
      weight: Matrix(
        rows: ordered.weight.rows + 4, columns: own.inputs,
        values: background.weight.storage + ordered.weight.storage),
      bias: background.bias + ordered.bias)
  }
}

extension DetectorHead {
  /// The same with fixed scales of the logits multiplied into the rows: an ordinary softmax layer.
  fileprivate func foldingScales() throws -> DetectorHead {
    try DetectorHead(
      classifier: classifier.foldingScales(), regressor: regressor, elementType: elementType)
  }
}
