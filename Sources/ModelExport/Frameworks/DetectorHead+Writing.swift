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
        "\(path): a head's classes, groups and layout stand in metadata, which npz has none of; write a .safetensors")
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
  ///   - path: An `.npz` archive where it ends so, else safetensors, which also keeps classes, layout and method.
  /// - Throws: `ModelExportError` if the framework has no such layers, or the stages' classes differ; `FileError`.
  public static func write(
    _ stages: [DetectorHead], framework: DetectorFramework, order: ClassOrder = .id, to path: String
  ) throws {
    let stages = framework == .bags ? stages : try stages.map { try $0.foldingScales() }
    let tensors = try tensors(stages, framework: framework, order: order)
    if path.hasSuffix(".npz") {
      try writeNumPyArchive(tensors, to: path)
    } else {
      try writeSafetensors(tensors, metadata: try metadata(stages, framework: framework), to: path)
    }
  }

  /// The tensors of a detector's last layers under its framework's keys, stage after stage.
  ///
  /// - Throws: `ModelExportError` as `write(_:framework:order:to:)`.
  public static func tensors(
    _ stages: [DetectorHead], framework: DetectorFramework, order: ClassOrder = .id
  ) throws -> [NamedTensor] {
    guard let first = stages.first else { throw ModelExportError("there is no head to write") }
    for stage in stages
    where stage.classifier.groups != first.classifier.groups
      || stage.classifier.layout.name != first.classifier.layout.name
    {
      throw ModelExportError("the stages of a cascade have the same classes, groups and layout; these differ")
    }
    let rows = RowOrder(framework: framework, classes: try order.indices(of: first.classifier.groups))
    return try stages.enumerated().flatMap { number, head in
      let stage = stages.count == 1 ? nil : number
      let plain = framework == .bags ? head.classifier : try head.classifier.foldingScales()
      let classifier = framework.isGrouped ? try plain.withOfficialBackground() : plain
      let layer = LinearRows(weight: classifier.weight, bias: classifier.bias)
        .taking(try rows.classifier(classifier.layout))
      let boxes = head.regressor.map { rows.regressor(of: $0) }
      return named(framework.key(.classifier, stage: stage), layer, head.elementType)
        + (boxes.map { named(framework.key(.regressor, stage: stage), $0, head.elementType) } ?? [])
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

extension DetectorHead {
  /// The same with fixed scales of the logits multiplied into the rows: an ordinary softmax layer.
  fileprivate func foldingScales() throws -> DetectorHead {
    try DetectorHead(
      classifier: classifier.foldingScales(), regressor: regressor, elementType: elementType)
  }
}

extension RowOrder {
  /// The rows of a regressor in the detector's order; zeros for a background that it has and ours does not.
  fileprivate func regressor(of own: BoxRegressor) -> LinearRows {
    let rows = LinearRows(weight: own.weight, bias: own.bias)
    guard !own.isClassAgnostic || (classes.count == 1 && own.background != nil) else { return rows }
    let ordered = rows.taking(regressor)
    guard framework.hasBackgroundDeltas else { return ordered }
    let background =
      own.background ?? LinearRows(weight: Matrix(rows: 4, columns: own.inputs), bias: [0, 0, 0, 0])
    return LinearRows(
      weight: Matrix(
        rows: ordered.weight.rows + 4, columns: own.inputs,
        values: background.weight.storage + ordered.weight.storage),
      bias: background.bias + ordered.bias)
  }
}
