import DenseLinearAlgebra
import Foundation
import TensorFiles

extension LinearHead {
  /// Reads a `head.safetensors`: `fc_cls.weight` [K, D] and `fc_cls.bias` [K], its layout, method and groups in the
  /// metadata, and what the layout needs beside them as `layout.…`.
  ///
  /// A file without that metadata is read as a softmax classifier with background first, if it has C + 1 rows for the C
  /// categories given.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - groups: The classes of a file that does not name them.
  /// - Throws: `TensorFileError`, `CategoryGroupsError` or `LinearHeadError`, naming the file and what is wrong in it.
  public init(contentsOf path: String, groups fallback: CategoryGroups? = nil) throws {
    let file = try SafetensorsFile(at: path)
    let weightTensor = try file.tensor("fc_cls.weight")
    let biasTensor = try file.tensor("fc_cls.bias")
    guard weightTensor.shape.count == 2, let rows = weightTensor.shape.first, let columns = weightTensor.shape.last,
      columns > 0, biasTensor.shape == [rows]
    else {
      throw LinearHeadError(
        "\(path): fc_cls.weight has shape \(weightTensor.shape) and fc_cls.bias \(biasTensor.shape); "
          + "[rows, D] and [rows] are expected")
    }
    let weight = Matrix(rows: rows, columns: columns, values: try weightTensor.floats())
    let bias = try biasTensor.floats()
    if let row = (0..<rows).first(where: { row in !bias[row].isFinite || !weight.row(row).allSatisfy(\.isFinite) }) {
      throw LinearHeadError("\(path): row \(row) of fc_cls is not finite")
    }
    let groups = try Self.groups(of: file, fallback: fallback, rows: rows, path: path)
    do {
      try self.init(
        weight: weight, bias: bias, layout: try Self.layout(of: file, groups: groups), groups: groups,
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
    try writeSafetensors(
      [
        NamedTensor("fc_cls.weight", floats: weight.storage, shape: [weight.rows, weight.columns]),
        NamedTensor("fc_cls.bias", floats: bias, shape: [bias.count]),
      ] + ofLayout,
      metadata: [
        "format": "bags-head", "version": "1", "method": method, "layout": layout.name, "groups": try groups.json(),
      ], to: path)
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
