import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets
import TensorFiles

/// The last 3 × 3 convolution of a dense detector's classification branch, RetinaNet's, as frameworks keep it.
///
/// The three have the same order of rows, anchor by anchor and class by ascending label; they differ in the keys, and in that
/// torchvision has an unused class 0 where its user counted background.
public struct DenseDetectorHead: Sendable {
  /// The convolution as a head of this project, its classes by ascending category id.
  public let classifier: LinearHead

  /// Whether a file is of a dense detector, or holds this project's own dense head.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - prefix: What stands before its keys; `nil` to find it.
  /// - Throws: `TensorFileError` where several prefixes would do.
  public static func isDense(_ file: any TensorContainer, prefix: String? = nil) throws -> Bool {
    if try file.tensorIfPresent("fc_cls.weight")?.shape.count == 4 { return true }
    guard
      LinearHead.denseLayers.contains(where: { layer in
        file.names.contains { $0.hasSuffix("\(layer.classifier).weight") }
      })
    else { return false }
    return try LinearHead.denseLayer(in: Self.unprefixed(file, prefix)) != nil
  }

  /// Puts a dense head in place.
  ///
  /// - Throws: `ModelExportError` if it is none.
  public init(classifier: LinearHead) throws {
    guard classifier.layout.anchorsPerLocation != nil else {
      throw ModelExportError(.unsupported, "the head is one for RoIs or queries; a dense head is expected")
    }
    self.classifier = classifier
  }

  /// Reads a dense detector's own file, or this project's.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - groups: The classes, in the order of its labels; `nil` where the file names its own.
  ///   - prefix: What stands before its keys; `nil` to find it.
  /// - Throws: `LinearHeadError` or `TensorFileError` if the layer is missing or does not fit the classes.
  public init(_ file: any TensorContainer, groups: CategoryGroups?, prefix: String? = nil) throws {
    let isOwn = file.names.contains("fc_cls.weight")
    try self.init(classifier: LinearHead(isOwn ? file : Self.unprefixed(file, prefix), groups: groups))
  }

  /// Writes the layer under a framework's keys.
  ///
  /// - Parameters:
  ///   - framework: torchvision, detectron2 or mmdetection; `bags` for this project's own file.
  ///   - detector: The detector's weights, which are written with this layer in place of its own; `nil` to write the layer
  ///     alone.
  ///   - path: An `.npz` archive where it ends so, else safetensors.
  /// - Throws: `ModelExportError` if the framework has no such layer, its detector does not score by a sigmoid a class as
  ///   this head does, or the detector's layer has other sizes; `FileError`.
  public func write(framework: DetectorFramework, into detector: (any TensorContainer)? = nil, to path: String) throws {
    if framework == .bags {
      try writeSafetensors(classifier.tensors(), metadata: classifier.metadata(), to: path)
      return
    }
    let layer: (classifier: String, boxes: String)
    switch framework {
    case .torchvision: layer = LinearHead.denseLayers[0]
    case .detectron2: layer = LinearHead.denseLayers[1]
    case .mmdetection: layer = LinearHead.denseLayers[2]
    case .bags, .mmdetection1, .official, .eqlv2, .transformers:
      throw ModelExportError(
        .unsupported, "\(framework.rawValue) has no dense head; torchvision, detectron2 and mmdetection have")
    }
    guard let layout = classifier.layout as? AnchoredLayout, layout.base is SigmoidLayout,
      layout.base.logitCount == layout.classCount
    else {
      throw ModelExportError(
        .unsupported,
        "RetinaNet scores each class by a sigmoid; a dense head of the layout \(classifier.layout.name) is scored otherwise, "
          + "by the functions of Integrations")
    }
    let (values, shape) = LinearHead.convolution(classifier.weight)
    var tensors = [
      NamedTensor("\(layer.classifier).weight", floats: values, shape: shape),
      NamedTensor("\(layer.classifier).bias", floats: classifier.bias, shape: [classifier.bias.count]),
    ]
    if let detector {
      tensors = try replacing(layer.classifier, of: detector, by: layout, values: values, shape: shape)
    }
    if path.hasSuffix(".npz") {
      try writeNumPyArchive(tensors, to: path)
    } else {
      try writeSafetensors(tensors, metadata: detector?.metadata ?? [:], to: path)
    }
  }

  /// All tensors of a detector, those of the layer this head's; rows of an unused class 0 stay as they are.
  private func replacing(
    _ layer: String, of detector: any TensorContainer, by layout: AnchoredLayout, values: [Float], shape: [Int]
  ) throws -> [NamedTensor] {
    guard let name = detector.names.first(where: { $0 == "\(layer).weight" || $0.hasSuffix(".\(layer).weight") }) else {
      throw ModelExportError(.missingTensor, "has no \(layer).weight", path: detector.path)
    }
    let biasName = "\(name.dropLast(6))bias"
    let (weight, bias) = (try detector.tensor(name), try detector.tensor(biasName))
    let (count, classCount) = (layout.anchorCount, layout.classCount)
    let perAnchor = weight.shape.first.map { $0 / count } ?? 0
    guard weight.shape.count == 4, Array(weight.shape.dropFirst()) == Array(shape.dropFirst()),
      weight.shape[0] == count * perAnchor, [classCount, classCount + 1].contains(perAnchor),
      bias.shape == [weight.shape[0]]
    else {
      throw ModelExportError(
        .wrongShape, "\(name) is \(weight.shape), the head is \(shape) for \(count) anchors of \(classCount) classes",
        path: detector.path)
    }
    var (newWeight, newBias) = (try weight.floats(), try bias.floats())
    let length = shape.dropFirst().reduce(1, *)
    for anchor in 0..<count {
      let to = anchor * perAnchor + perAnchor - classCount
      let from = anchor * classCount
      newWeight.replaceSubrange(
        to * length..<(to + classCount) * length, with: values[from * length..<(from + classCount) * length])
      newBias.replaceSubrange(to..<to + classCount, with: classifier.bias[from..<from + classCount])
    }
    return try detector.names.map { other in
      let tensor = try detector.tensor(other)
      if other == name { return NamedTensor(other, floats: newWeight, shape: weight.shape, as: weight.elementType) }
      if other == biasName { return NamedTensor(other, floats: newBias, shape: bias.shape, as: bias.elementType) }
      return NamedTensor(
        other, bytes: tensor.withUnsafeBytes { Array($0) }, elementType: tensor.elementType, shape: tensor.shape)
    }
  }

  private static func unprefixed(_ file: any TensorContainer, _ prefix: String?) throws -> any TensorContainer {
    try file.withoutPrefix(before: LinearHead.denseLayers.map { "\($0.classifier).weight" }, given: prefix)
  }
}
