import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets
import TensorFiles

/// The branches of a dense detector, RetinaNet's, as frameworks keep them: the last 3 × 3 convolution of its classification
/// branch, the convolutions below it, and the regression branch, where they are at hand.
///
/// The three frameworks have the same order of rows, anchor by anchor and class by ascending label; they differ in the keys,
/// and in that torchvision has an unused class 0 where its user counted background.
public struct DenseDetectorHead: Sendable {
  /// The classification branch as a head of this project, its classes by ascending category id.
  public let classifier: LinearHead
  /// The regression branch; `nil` where it is not at hand.
  public let boxes: BoxBranch?

  /// Whether a file is of a dense detector, or holds this project's own dense head.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - prefix: What stands before its keys; `nil` to find it.
  /// - Throws: `TensorFileError` where several prefixes would do.
  public static func isDense(_ file: any TensorContainer, prefix: String? = nil) throws -> Bool {
    if try file.tensorIfPresent("fc_cls.weight")?.shape.count == 4 { return true }
    guard
      DenseDetectorNames.frameworks.contains(where: { names in
        file.names.contains { $0.hasSuffix("\(names.classes.last).weight") }
      })
    else { return false }
    return try LinearHead.denseDetector(in: Self.unprefixed(file, prefix)) != nil
  }

  /// Puts the branches of a dense head in place.
  ///
  /// - Throws: `ModelExportError` if it is none.
  public init(classifier: LinearHead, boxes: BoxBranch? = nil) throws {
    guard classifier.layout.anchorsPerLocation != nil else {
      throw ModelExportError(.unsupported, "the head is one for RoIs or queries; a dense head is expected")
    }
    self.classifier = classifier
    self.boxes = boxes
  }

  /// Reads a dense detector's own file, or this project's.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - groups: The classes, in the order of its labels; `nil` where the file names its own.
  ///   - prefix: What stands before its keys; `nil` to find it.
  ///   - normGroups: The groups of GroupNorm where the file does not say how many; `nil` to leave that open.
  /// - Throws: `LinearHeadError` or `TensorFileError` if a layer is missing or does not fit the classes.
  public init(
    _ file: any TensorContainer, groups: CategoryGroups?, prefix: String? = nil, normGroups: Int? = nil
  ) throws {
    let isOwn = file.names.contains("fc_cls.weight")
    let file = isOwn ? file : try Self.unprefixed(file, prefix)
    let (classifier, boxes) = (try LinearHead(file, groups: groups), try BoxBranch(ifIn: file))
    guard let normGroups else {
      try self.init(classifier: classifier, boxes: boxes)
      return
    }
    try self.init(
      classifier: classifier.statingNormGroups(normGroups), boxes: boxes?.statingNormGroups(normGroups))
  }

  /// Writes the branches under a framework's keys.
  ///
  /// - Parameters:
  ///   - framework: torchvision, detectron2 or mmdetection; `bags` for this project's own file.
  ///   - detector: The detector's weights, which are written with these layers in place of its own; `nil` to write the
  ///     layers alone.
  ///   - path: An `.npz` archive where it ends so, else safetensors.
  /// - Throws: `ModelExportError` if the framework has no such layers, its detector does not score by a sigmoid a class as
  ///   this head does, or the detector's layers have other sizes; `FileError`.
  public func write(framework: DetectorFramework, into detector: (any TensorContainer)? = nil, to path: String) throws {
    if framework == .bags {
      try classifier.write(to: path, boxBranch: boxes)
      return
    }
    let names: DenseDetectorNames
    switch framework {
    case .torchvision: names = .torchvision
    case .detectron2: names = .detectron2
    case .mmdetection: names = .mmdetection
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
    var tensors =
      LinearRows(weight: classifier.weight, bias: classifier.bias).convolutionTensors(names.classes.last)
      + classifier.tower.tensors(names.classes) + (boxes?.tensors(names.boxes) ?? [])
    if let detector { tensors = try replacing(tensors, of: detector, last: names.classes.last, layout: layout) }
    if path.hasSuffix(".npz") {
      try writeNumPyArchive(tensors, to: path)
    } else {
      let own = classifier.tower.metadata.merging(boxes?.metadata ?? [:]) { own, _ in own }
      let texts = own.merging(detector?.metadata ?? [:]) { _, its in its }
      try writeSafetensors(tensors, metadata: texts, to: path)
    }
  }

  /// All tensors of a detector, those of its branches these; rows of an unused class 0 stay as they are.
  private func replacing(
    _ tensors: [NamedTensor], of detector: any TensorContainer, last: String, layout: AnchoredLayout
  ) throws -> [NamedTensor] {
    let name = "\(last).weight"
    guard let stored = detector.names.first(where: { $0 == name || $0.hasSuffix(".\(name)") }) else {
      throw ModelExportError(.missingTensor, "has no \(name)", path: detector.path)
    }
    let prefix = stored.dropLast(name.count)
    var replaced: [String: NamedTensor] = [:]
    for tensor in tensors {
      let own = "\(prefix)\(tensor.name)"
      guard let its = try detector.tensorIfPresent(own) else {
        throw ModelExportError(.missingTensor, "has no \(own) to be replaced", path: detector.path)
      }
      if tensor.name.hasPrefix("\(last).") {
        replaced[own] = try lastTensor(tensor.name == name, like: its, layout: layout)
        continue
      }
      guard its.shape == tensor.shape else {
        throw ModelExportError(
          .wrongShape, "\(own) is \(its.shape), the head's is \(tensor.shape)", path: detector.path)
      }
      replaced[own] = tensor.renamed(own, as: its.elementType)
    }
    return try detector.names.map { other in
      if let own = replaced[other] { return own }
      let tensor = try detector.tensor(other)
      return NamedTensor(
        other, bytes: tensor.withUnsafeBytes { Array($0) }, elementType: tensor.elementType, shape: tensor.shape)
    }
  }

  /// The weight or the bias of the last convolution in the rows of a detector's.
  private func lastTensor(_ isWeight: Bool, like its: TensorView, layout: AnchoredLayout) throws -> NamedTensor {
    let (count, classCount) = (layout.anchorCount, layout.classCount)
    let perAnchor = its.shape.first.map { $0 / count } ?? 0
    let (values, shape) =
      isWeight
      ? LinearRows.convolution(classifier.weight) : (values: classifier.bias, shape: [classifier.bias.count])
    guard its.shape.count == shape.count, its.shape.dropFirst().elementsEqual(shape.dropFirst()),
      its.shape[0] == count * perAnchor, [classCount, classCount + 1].contains(perAnchor)
    else {
      throw ModelExportError(
        .wrongShape, "\(its.name) is \(its.shape), the head is \(shape) for \(count) anchors of \(classCount) classes",
        path: its.path)
    }
    var new = try its.floats()
    let length = shape.dropFirst().reduce(1, *)
    for anchor in 0..<count {
      let to = anchor * perAnchor + perAnchor - classCount
      let from = anchor * classCount
      new.replaceSubrange(
        to * length..<(to + classCount) * length, with: values[from * length..<(from + classCount) * length])
    }
    return NamedTensor(its.name, floats: new, shape: its.shape, as: its.elementType)
  }

  private static func unprefixed(_ file: any TensorContainer, _ prefix: String?) throws -> any TensorContainer {
    try file.withoutPrefix(before: DenseDetectorNames.frameworks.map { "\($0.classes.last).weight" }, given: prefix)
  }
}
