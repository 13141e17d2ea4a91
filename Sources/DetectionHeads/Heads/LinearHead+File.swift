import DenseLinearAlgebra
import Foundation
import LVISDatasets
import TensorFiles

extension LinearHead {
  /// Reads a `head.safetensors`: `fc_cls.weight` [K, D] and `fc_cls.bias` [K], its layout, method and groups in the
  /// metadata, and what the layout needs beside them as `layout.…`; or an `.npz` of the two.
  ///
  /// A dense head is a convolution `fc_cls.weight` [A · K, D, 3, 3]; the convolutions below it are `cls_tower.0.weight`,
  /// `cls_tower.0.bias`, `cls_tower.0.norm.weight`, `cls_tower.0.norm.bias`, …, and `norm_groups` in the metadata.
  /// Layers below the classifier are `shared_fcs.0.weight` [H, D], `shared_fcs.0.bias` [H], …; the classifiers of a
  /// cascade are `fc_cls.0.weight`, `fc_cls.0.bias`, ….
  ///
  /// A file that names no classes is read as of the C categories given, if it has as many rows as its layout: C + 1 for
  /// softmax with background first, which is meant where it states none, or C for `sigmoid`.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - fallback: The classes of a file that does not name them.
  /// - Throws: `TensorFileError`, `CategoryGroupsError` or `LinearHeadError`, naming the file and what is wrong in it.
  public init(contentsOf path: String, groups fallback: CategoryGroups? = nil) throws {
    try self.init(openTensors(at: path), groups: fallback)
  }

  /// Reads a head from a file that is open; see `init(contentsOf:groups:)`.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - fallback: The classes of a file that does not name them.
  /// - Throws: As `init(contentsOf:groups:)`.
  public init(_ file: any TensorContainer, groups fallback: CategoryGroups? = nil) throws {
    let path = file.path
    let dense = try file.withoutPrefix(before: DenseDetectorNames.frameworks.map { "\($0.classes.last).weight" })
    if let names = Self.denseDetector(in: dense) {
      guard let fallback else {
        throw LinearHeadError(
          .unnamedClasses, "does not name its classes; give the annotations that it was trained with", path: path)
      }
      try self.init(detector: dense, names: names, groups: fallback)
      return
    }
    let file = try Self.tensors(in: file)
    if try file.tensorIfPresent("fc_cls.weight")?.shape.count == 4 {
      try self.init(anchoredIn: file, fallback: fallback)
      return
    }
    var stages = try Self.layers("fc_cls", of: file)
    if stages.isEmpty { stages = [HiddenLayer(try LinearRows(file, name: "fc_cls"))] }
    guard let first = stages.first,
      stages.allSatisfy({ $0.weight.rows == first.weight.rows && $0.inputs == first.inputs })
    else { throw LinearHeadError(.wrongShape, "the stages of fc_cls differ in shape", path: path) }
    let groups = try Self.groups(of: file, fallback: fallback, rows: first.weight.rows, path: path)
    do {
      let layout = try Self.layout(of: file, groups: groups)
      guard stages.count == 1 || (layout.product == .linear && layout.tensors.isEmpty) else {
        throw LinearHeadError(.unsupported, "a head of the layout \(layout.name) has one stage, not \(stages.count)")
      }
      try self.init(
        weight: Matrix(
          rows: stages.count * first.weight.rows, columns: first.inputs, values: stages.flatMap(\.weight.storage)),
        bias: stages.flatMap(\.bias), hidden: try Self.layers("shared_fcs", of: file),
        layout: stages.count == 1 ? layout : StagedLayout(layout, stageCount: stages.count), groups: groups,
        method: file.metadata["method"] ?? "softmax")
    } catch let error as LinearHeadError {
      throw error.inFile(path)
    }
  }

  /// Reads a dense head, whose `fc_cls.weight` is a convolution [A · K, D, 3, 3].
  private init(anchoredIn file: any TensorContainer, fallback: CategoryGroups?) throws {
    let rows = try LinearRows(convolution: "fc_cls", of: file)
    guard let text = file.metadata[Self.anchorCountKey], let anchorCount = Int(text), anchorCount > 0,
      rows.bias.count.isMultiple(of: anchorCount)
    else {
      throw LinearHeadError(
        .badValue, "metadata \"\(Self.anchorCountKey)\" must say how many anchors the \(rows.bias.count) rows are of",
        path: file.path)
    }
    let groups = try Self.groups(of: file, fallback: fallback, rows: rows.bias.count / anchorCount, path: file.path)
    do {
      let base = try Self.layout(of: file, groups: groups)
      guard base.product == .linear else {
        throw LinearHeadError(
          .unsupported, "a dense head cannot have the layout \(base.name): its logits are not plain linear ones")
      }
      try self.init(
        weight: rows.weight, bias: rows.bias, layout: AnchoredLayout(base, anchorCount: anchorCount), groups: groups,
        method: file.metadata["method"] ?? "softmax")
      tower = try ConvolutionTower(file, names: .classes)
      if let fault = tower.fault(below: weight.columns / 9) { throw LinearHeadError(.wrongShape, fault) }
    } catch let error as LinearHeadError {
      throw error.inFile(file.path)
    }
  }

  /// The tensors of a file by a head file's names, without a prefix such as `module.` or `student.`.
  ///
  /// - Parameter prefix: The prefix to take; `nil` to find it.
  /// - Throws: `TensorFileError` where several would do, or the given one does not; `LinearHeadError` where the file is a
  ///   detector's, whose rows stand in an order of its own.
  package static func tensors(in file: any TensorContainer, prefix: String? = nil) throws -> any TensorContainer {
    let names = ["fc_cls.weight", "fc_cls.0.weight"]
    let own = try file.withoutPrefix(before: names, given: prefix) { LinearRows.isDetectorPrefix($0) }
    let foreign = ["fc_cls.weight", "fc_cls.0.weight", "cls_score.weight", "cls_score.0.weight"]
    if !names.contains(where: own.names.contains),
      let layer = file.names.first(where: { name in foreign.contains { name.hasSuffix(".\($0)") } })
    {
      throw LinearHeadError(
        .unsupported,
        "has \(layer), a layer of a detector; `bags convert` brings those of mmdetection, detectron2, torchvision and "
          + "others into a head file", path: file.path)
    }
    return own
  }

  /// Writes a `head.safetensors`.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - boxRegressor: To stand beside the classifier as `fc_reg`; `nil` for none.
  ///   - boxBranch: The regression branch of a dense detector, to stand there; `nil` for none.
  /// - Throws: `FileError`; what stood at `path` is then as it was.
  public func write(to path: String, boxRegressor: BoxRegressor? = nil, boxBranch: BoxBranch? = nil) throws {
    let boxes = boxRegressor?.tensors() ?? boxBranch?.tensors() ?? []
    let texts = boxRegressor?.metadata ?? boxBranch?.metadata ?? [:]
    try writeSafetensors(tensors() + boxes, metadata: try metadata().merging(texts) { own, _ in own }, to: path)
  }

  /// The tensors of a head file: the layers, and the numbers that the layout needs beside them.
  ///
  /// - Parameter elementType: The type in which the layers are stored.
  public func tensors(as elementType: TensorElementType = .float32) -> [NamedTensor] {
    let ofLayout = layout.tensors.sorted { $0.key < $1.key }.map { name, values in
      NamedTensor(Self.layoutPrefix + name, floats: values, shape: [values.count])
    }
    if layout.anchorsPerLocation != nil {
      return classifier.convolutionTensors("fc_cls", as: elementType) + tower.tensors(.classes, as: elementType)
        + ofLayout
    }
    let stages = layout.stageCount == 1 ? [self] : (0..<layout.stageCount).compactMap { stage($0) }
    let classifiers = stages.enumerated().flatMap { index, stage in
      let name = stages.count == 1 ? "fc_cls" : "fc_cls.\(index)"
      return [
        NamedTensor(
          "\(name).weight", floats: stage.weight.storage, shape: [stage.weight.rows, stage.weight.columns],
          as: elementType),
        NamedTensor("\(name).bias", floats: stage.bias, shape: [stage.bias.count], as: elementType),
      ]
    }
    return classifiers + hidden.tensors(prefix: "shared_fcs", as: elementType) + ofLayout
  }

  /// The metadata of a head file: method, layout and groups.
  public func metadata() throws -> [String: String] {
    var texts = ["format": "bags-head", "version": "1", "method": method, "layout": layout.name]
    texts["groups"] = try groups.json()
    if let anchors = layout.anchorsPerLocation { texts[Self.anchorCountKey] = "\(anchors)" }
    return texts.merging(tower.metadata) { own, _ in own }
  }

  /// The layers `PREFIX.0`, `PREFIX.1`, … of a file; none if there is no `PREFIX.0`.
  package static func layers(_ prefix: String, of file: any TensorContainer) throws -> [HiddenLayer] {
    let names = Set(file.names)
    var layers: [HiddenLayer] = []
    while names.contains("\(prefix).\(layers.count).weight") {
      layers.append(HiddenLayer(try LinearRows(file, name: "\(prefix).\(layers.count)")))
    }
    return layers
  }

  private static func groups(
    of file: any TensorContainer, fallback: CategoryGroups?, rows: Int, path: String
  ) throws -> CategoryGroups {
    if let json = file.metadata["groups"] {
      return try CategoryGroups(json: Data(json.utf8), source: "\(path), metadata \"groups\"")
    }
    guard let fallback else {
      throw LinearHeadError(
        .unnamedClasses, "does not name its classes; give the annotations that it was trained with", path: path)
    }
    let name = file.metadata["layout"] ?? "softmax"
    let expected = logitLayouts(for: fallback).first { $0.name == name }?.logitCount ?? fallback.classCount + 1
    guard rows == expected else {
      throw LinearHeadError(
        .wrongClasses,
        "fc_cls.weight has \(rows) rows; a \(name) head for the \(fallback.classCount) categories of the "
          + "annotations has \(expected)" + (name == "softmax" ? ", background first" : ""), path: path)
    }
    return fallback
  }

  private static func layout(of file: any TensorContainer, groups: CategoryGroups) throws -> any LogitLayout {
    let name = file.metadata["layout"] ?? "softmax"
    let known = try MeanLayout(named: name, groups: groups) ?? logitLayouts(for: groups).first { $0.name == name }
    guard let layout = known else {
      throw LinearHeadError(.unknownName, "the layout \"\(name)\" is not known to this program")
    }
    var tensors: [String: [Float]] = [:]
    for name in file.names where name.hasPrefix(layoutPrefix) {
      tensors[String(name.dropFirst(layoutPrefix.count))] = try file.tensor(name).floats()
    }
    return try layout.with(tensors: tensors)
  }

  private static let layoutPrefix = "layout."
}

/// Every layout that a head file can have, for the given classes: the library's, then those that a program has
/// registered.
public func logitLayouts(for groups: CategoryGroups) -> [any LogitLayout] {
  let classCount = groups.classCount
  var layouts: [any LogitLayout] = [
    SoftmaxLayout(classCount: classCount), SeesawLayout(classCount: classCount), CosineLayout(classCount: classCount),
    DisAlignLayout(alignment: Alignment(classCount: classCount)),
    TauSelectLayout(isTail: Array(repeating: false, count: classCount)),
    NearestClassMeanLayout(hasMean: Array(repeating: false, count: classCount)),
    ScaledLayout(scales: Array(repeating: 1, count: classCount + 1)), GumbelLayout(classCount: classCount),
  ]
  for background in GroupedLayout.Background.allCases {
    for hasOthers in [true, false] {
      layouts.append(GroupedLayout(groups: groups, background: background, hasOthers: hasOthers))
    }
  }
  for background in SigmoidLayout.Background.allCases {
    let layout = SigmoidLayout(classCount: classCount, background: background)
    layouts.append(layout)
    layouts.append(ShiftedSigmoidLayout(base: layout, shifts: Array(repeating: 0, count: classCount)))
    layouts.append(CompetingSigmoidLayout(base: layout, exponent: 0))
  }
  layouts += layouts.filter { $0.product == .linear }.map { NormedLayout($0) }
  return layouts + LogitLayouts.registered(for: groups)
}

extension HiddenLayer {
  init(_ rows: LinearRows) {
    weight = rows.weight
    bias = rows.bias
  }
}

extension [HiddenLayer] {
  /// `PREFIX.0.weight`, `PREFIX.0.bias`, …
  package func tensors(prefix: String, as elementType: TensorElementType = .float32) -> [NamedTensor] {
    enumerated().flatMap { index, layer in
      [
        NamedTensor(
          "\(prefix).\(index).weight", floats: layer.weight.storage, shape: [layer.outputs, layer.inputs],
          as: elementType),
        NamedTensor("\(prefix).\(index).bias", floats: layer.bias, shape: [layer.outputs], as: elementType),
      ]
    }
  }
}
