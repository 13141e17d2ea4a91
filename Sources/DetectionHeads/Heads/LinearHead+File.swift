import DenseLinearAlgebra
import Foundation
import TensorFiles

extension LinearHead {
  /// Reads a `head.safetensors`: `fc_cls.weight` [K, D] and `fc_cls.bias` [K], its layout, method and groups in the
  /// metadata, and what the layout needs beside them as `layout.…`.
  ///
  /// Layers below the classifier are `shared_fcs.0.weight` [H, D], `shared_fcs.0.bias` [H], …; the classifiers of a
  /// cascade are `fc_cls.0.weight`, `fc_cls.0.bias`, ….
  ///
  /// A file without that metadata is read as a softmax classifier with background first, if it has C + 1 rows for the C
  /// categories given.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - fallback: The classes of a file that does not name them.
  /// - Throws: `TensorFileError`, `CategoryGroupsError` or `LinearHeadError`, naming the file and what is wrong in it.
  public init(contentsOf path: String, groups fallback: CategoryGroups? = nil) throws {
    let file = try SafetensorsFile(at: path)
    var stages = try Self.layers("fc_cls", of: file)
    if stages.isEmpty { stages = [try HiddenLayer("fc_cls", of: file)] }
    guard let first = stages.first,
      stages.allSatisfy({ $0.weight.rows == first.weight.rows && $0.inputs == first.inputs })
    else { throw LinearHeadError("\(path): the stages of fc_cls differ in shape") }
    let groups = try Self.groups(of: file, fallback: fallback, rows: first.weight.rows, path: path)
    do {
      let layout = try Self.layout(of: file, groups: groups)
      try self.init(
        weight: Matrix(
          rows: stages.count * first.weight.rows, columns: first.inputs, values: stages.flatMap(\.weight.storage)),
        bias: stages.flatMap(\.bias), hidden: try Self.layers("shared_fcs", of: file),
        layout: stages.count == 1 ? layout : StagedLayout(layout, stageCount: stages.count), groups: groups,
        method: file.metadata["method"] ?? "softmax")
    } catch let error as LinearHeadError {
      throw LinearHeadError("\(path): \(error)")
    }
  }

  /// Writes a `head.safetensors`.
  ///
  /// - Throws: `FileError`; what stood at `path` is then as it was.
  public func write(to path: String) throws {
    let ofLayout = layout.tensors.sorted { $0.key < $1.key }.map { name, values in
      NamedTensor(Self.layoutPrefix + name, floats: values, shape: [values.count])
    }
    var classifiers: [NamedTensor] = []
    if layout.stageCount == 1 {
      classifiers = [
        NamedTensor("fc_cls.weight", floats: weight.storage, shape: [weight.rows, weight.columns]),
        NamedTensor("fc_cls.bias", floats: bias, shape: [bias.count]),
      ]
    }
    for (index, stage) in (0..<layout.stageCount).compactMap({ self.stage($0) }).enumerated() {
      classifiers += [
        NamedTensor(
          "fc_cls.\(index).weight", floats: stage.weight.storage, shape: [stage.weight.rows, stage.weight.columns]),
        NamedTensor("fc_cls.\(index).bias", floats: stage.bias, shape: [stage.bias.count]),
      ]
    }
    try writeSafetensors(
      classifiers + hidden.tensors(prefix: "shared_fcs") + ofLayout,
      metadata: [
        "format": "bags-head", "version": "1", "method": method, "layout": layout.name, "groups": try groups.json(),
      ], to: path)
  }

  /// The layers `PREFIX.0`, `PREFIX.1`, … of a file; none if there is no `PREFIX.0`.
  static func layers(_ prefix: String, of file: SafetensorsFile) throws -> [HiddenLayer] {
    let names = Set(file.names)
    var layers: [HiddenLayer] = []
    while names.contains("\(prefix).\(layers.count).weight") {
      layers.append(try HiddenLayer("\(prefix).\(layers.count)", of: file))
    }
    return layers
  }

  private static func groups(
    of file: SafetensorsFile, fallback: CategoryGroups?, rows: Int, path: String
  ) throws -> CategoryGroups {
    if let json = file.metadata["groups"] {
      return try CategoryGroups(json: Data(json.utf8), source: "\(path), metadata \"groups\"")
    }
    guard let fallback else {
      throw LinearHeadError("\(path): does not name its classes; give the annotations that it was trained with")
    }
    guard rows == fallback.classCount + 1 else {
      throw LinearHeadError(
        "\(path): fc_cls.weight has \(rows) rows; a softmax head for the \(fallback.classCount) categories of the "
          + "annotations has \(fallback.classCount + 1), background first")
    }
    return fallback
  }

  private static func layout(of file: SafetensorsFile, groups: CategoryGroups) throws -> any LogitLayout {
    let name = file.metadata["layout"] ?? "softmax"
    guard let layout = logitLayouts(for: groups).first(where: { $0.name == name }) else {
      throw LinearHeadError("the layout \"\(name)\" is not known to this program")
    }
    var tensors: [String: [Float]] = [:]
    for name in file.names where name.hasPrefix(layoutPrefix) {
      tensors[String(name.dropFirst(layoutPrefix.count))] = try file.tensor(name).floats()
    }
    return try layout.with(tensors: tensors)
  }

  private static let layoutPrefix = "layout."
}

/// Every layout that a head file can have, for the given classes.
func logitLayouts(for groups: CategoryGroups) -> [any LogitLayout] {
  let classCount = groups.classCount
  var layouts: [any LogitLayout] = [
    SoftmaxLayout(classCount: classCount), SeesawLayout(classCount: classCount), CosineLayout(classCount: classCount),
    DisAlignLayout(alignment: Alignment(classCount: classCount)),
    TauSelectLayout(isTail: Array(repeating: false, count: classCount)),
    NearestClassMeanLayout(hasMean: Array(repeating: false, count: classCount)),
  ]
  for background in GroupedLayout.Background.allCases {
    for hasOthers in [true, false] {
      layouts.append(GroupedLayout(groups: groups, background: background, hasOthers: hasOthers))
    }
  }
  for background in SigmoidLayout.Background.allCases {
    layouts.append(SigmoidLayout(classCount: classCount, background: background))
  }
  return layouts
}

extension HiddenLayer {
  /// Reads `NAME.weight` [H, D] and `NAME.bias` [H].
  init(_ name: String, of file: SafetensorsFile) throws {
    let (weight, bias) = (try file.tensor("\(name).weight"), try file.tensor("\(name).bias"))
    guard weight.shape.count == 2, weight.shape[1] > 0, bias.shape == [weight.shape[0]] else {
      throw LinearHeadError(
        "\(file.path): \(name).weight has shape \(weight.shape) and \(name).bias \(bias.shape); "
          + "[rows, D] and [rows] are expected")
    }
    self.weight = Matrix(rows: weight.shape[0], columns: weight.shape[1], values: try weight.floats())
    self.bias = try bias.floats()
    if let row = (0..<outputs).first(where: { !self.bias[$0].isFinite || !self.weight.row($0).allSatisfy(\.isFinite) })
    {
      throw LinearHeadError("\(file.path): row \(row) of \(name) is not finite")
    }
  }
}

extension [HiddenLayer] {
  /// `PREFIX.0.weight`, `PREFIX.0.bias`, …
  func tensors(prefix: String) -> [NamedTensor] {
    enumerated().flatMap { index, layer in
      [
        NamedTensor(
          "\(prefix).\(index).weight", floats: layer.weight.storage, shape: [layer.outputs, layer.inputs]),
        NamedTensor("\(prefix).\(index).bias", floats: layer.bias, shape: [layer.outputs]),
      ]
    }
  }
}
