import DenseLinearAlgebra
import DetectionHeads
import Foundation
import LVISDatasets
import TensorFiles

/// The framework, classes and layout of a detector's last layers, which its file does not state.
public struct DetectorHeadDescription: Sendable {
  /// The framework whose keys and order of rows the file has.
  public var framework: DetectorFramework
  /// The classes; `nil` where the file names them.
  public var groups: CategoryGroups?
  /// The order in which the detector numbers its classes.
  public var order: ClassOrder
  /// The name of the classifier's layout; `nil` for what the file says, or else softmax, or groups where the framework has
  /// them.
  public var layout: String?
  /// The factors of the regressor's output; `nil` for the framework's usual numbers.
  public var deviations: SIMD4<Float>?
  /// What stands before the framework's keys, such as `student.`; `nil` to find it.
  public var prefix: String?

  /// Gathers what is known.
  public init(
    framework: DetectorFramework, groups: CategoryGroups? = nil, order: ClassOrder = .id, layout: String? = nil,
    deviations: SIMD4<Float>? = nil, prefix: String? = nil
  ) {
    self.framework = framework
    self.groups = groups
    self.order = order
    self.layout = layout
    self.deviations = deviations
    self.prefix = prefix
  }
}

extension DetectorHead {
  /// Reads the last layers of a detector: one head, or one for each stage of a cascade.
  ///
  /// - Parameters:
  ///   - file: Holds them, with or without the rest of the detector; `module.`, `model.`, `student.` and other prefixes
  ///     may stand before the keys.
  ///   - description: What the file does not say.
  /// - Throws: `TensorFileError` if something cannot be read; `ModelExportError`, `LinearHeadError` or
  ///   `CategoryGroupsError`, naming the file, if it holds no such layers or they do not fit the classes.
  public static func stages(
    _ file: any TensorContainer, _ description: DetectorHeadDescription
  ) throws -> [DetectorHead] {
    do {
      if description.framework == .bags {
        return try ownStages(LinearHead.tensors(in: file, prefix: description.prefix), groups: description.groups)
      }
      let file = try description.framework.tensors(in: file, prefix: description.prefix)
      let groups = try self.groups(file, description.groups)
      return try stageNumbers(file, description.framework).map { stage in
        try DetectorHead(file, description, groups: groups, stage: stage)
      }
    } catch let error as ModelExportError {
      throw ModelExportError(error.code, error.detail, path: file.path)
    }
  }

  /// Reads this project's own head file: one head, or one for each stage that it was trained with.
  private static func ownStages(_ file: any TensorContainer, groups: CategoryGroups?) throws -> [DetectorHead] {
    let classifier = try LinearHead(file, groups: groups)
    let stages = (0..<classifier.layout.stageCount).compactMap { classifier.stage($0) }
    let elementType = try elementType(of: file, stages.isEmpty ? "fc_cls" : "fc_cls.0")
    let hasRegressor = file.names.contains("fc_reg.weight")
    guard !stages.isEmpty else {
      let regressor = hasRegressor ? try BoxRegressor(file, groups: classifier.groups) : nil
      return [try DetectorHead(classifier: classifier, regressor: regressor, elementType: elementType)]
    }
    guard !hasRegressor else {
      throw ModelExportError(
        .unsupported, "has one fc_reg for the classifiers of \(stages.count) stages; which stage's is not said")
    }
    return try stages.map { try DetectorHead(classifier: $0, elementType: elementType) }
  }

  private init(
    _ file: any TensorContainer, _ description: DetectorHeadDescription, groups: CategoryGroups, stage: Int?
  ) throws {
    let framework = description.framework
    let key = framework.key(.classifier, stage: stage)
    let rows = try LinearRows(file, name: key)
    let order = try RowOrder(framework, description.order, groups: groups, rowCount: rows.bias.count)
    let name = file.metadata["layout"] ?? description.layout ?? (framework.isGrouped ? "grouped-official" : "softmax")
    // In a detector's file G0 always has its pair.
    let stored = framework.isGrouped && name == "grouped-sigmoid" ? "grouped-official" : name
    guard var layout = logitLayouts(for: groups).first(where: { $0.name == stored }) else {
      throw ModelExportError(.unknownName, "the layout \"\(name)\" is not known to this program")
    }
    if layout is NormedLayout, let temperature = file.metadata["temperature"].flatMap({ Float($0) }) {
      layout = try layout.with(tensors: ["temperature": [temperature]])
    }
    let rowOrder = try order.classifier(layout)
    guard rows.bias.count == rowOrder.count else {
      throw ModelExportError(
        .wrongShape,
        "\(key).weight has \(rows.bias.count) rows; \(rowOrder.count) are expected of a \(layout.name) classifier for "
          + "\(groups.classCount) categories; a class of the detector that is no category stands as "
          + "\(ClassOrder.noCategory) in the list of classes")
    }
    let own = rows.puttingBack(rowOrder)
    let head = try LinearHead(
      weight: own.weight, bias: own.bias, layout: layout, groups: groups,
      method: file.metadata["method"] ?? (framework.isGrouped ? "bags" : "softmax"))
    try self.init(
      classifier: stored == name ? head : head.withSigmoidBackground(),
      regressor: try Self.regressor(file, description, order: order, groups: groups, stage: stage),
      elementType: try Self.elementType(of: file, key))
    otherRows = try order.otherRows(layout)
  }

  private static func regressor(
    _ file: any TensorContainer, _ description: DetectorHeadDescription, order: RowOrder, groups: CategoryGroups,
    stage: Int?
  ) throws -> BoxRegressor? {
    let framework = description.framework
    let key = framework.key(.regressor, stage: stage)
    guard file.names.contains("\(key).weight") else { return nil }
    var rows = try LinearRows(file, name: key)
    var background: LinearRows?
    let classCount = groups.classCount
    let expected = 4 * (order.classes.count + (framework.hasBackgroundDeltas ? 1 : 0))
    // Four rows are for all classes alike; for one class and no background the two are the same.
    guard rows.bias.count == 4 || rows.bias.count == expected else {
      throw ModelExportError(
        .wrongShape,
        "\(key).weight has \(rows.bias.count) rows; 4 are expected, or \(expected) for \(order.classes.count) classes"
          + (framework.hasBackgroundDeltas ? " and background" : ""))
    }
    if rows.bias.count != 4 {
      if framework.hasBackgroundDeltas {
        background = rows.taking(Array(0..<4))
        rows = rows.taking(Array(4..<rows.bias.count))
      }
      rows = rows.puttingBack(order.regressor)
    }
    let text = file.metadata[stage.map { "box_stds.\($0)" } ?? "box_stds"]
    let deviations =
      description.deviations ?? text.flatMap { BoxRegressor.deviations($0) } ?? framework.deviations(stage: stage)
    return try BoxRegressor(
      weight: rows.weight, bias: rows.bias, background: background, classCount: classCount,
      coder: BoxCoder(convention: framework.convention, standardDeviations: deviations))
  }

  /// The stages of a detector: `[nil]` where it has one only.
  private static func stageNumbers(_ file: any TensorContainer, _ framework: DetectorFramework) throws -> [Int?] {
    func isThere(_ stage: Int?) -> Bool {
      file.names.contains(framework.key(.classifier, stage: stage) + ".weight")
    }
    if isThere(nil) { return [nil] }
    let stages = (0..<16).prefix { isThere($0) }
    guard !stages.isEmpty else {
      throw ModelExportError(
        .missingTensor,
        "has no \(framework.key(.classifier, stage: nil)).weight, and no \(framework.key(.classifier, stage: 0)).weight "
          + "of a cascade, which \(framework.rawValue) has; the tensors there: \(listed(file.names))")
    }
    return stages.map { $0 }
  }

  static func groups(_ file: any TensorContainer, _ given: CategoryGroups?) throws -> CategoryGroups {
    guard let json = file.metadata["groups"] else {
      guard let given else {
        throw ModelExportError(
          .unnamedClasses, "does not name its classes; give the groups, or the annotations that it was trained with")
      }
      return given
    }
    let own = try CategoryGroups(json: Data(json.utf8), source: "\(file.path), metadata \"groups\"")
    guard given == nil || given?.members.map(\.id) == own.members.map(\.id) else {
      throw ModelExportError(
        .wrongClasses, "is for \(own.classCount) categories that are not the \(given?.classCount ?? 0) that were given")
    }
    return own
  }

  private static func elementType(of file: any TensorContainer, _ name: String) throws -> TensorElementType {
    let type = try file.tensor("\(name).weight").elementType
    return [.float16, .bfloat16].contains(type) ? type : .float32
  }
}

extension DetectorFramework {
  /// The tensors of a file by this framework's keys, without what stands before them.
  ///
  /// - Throws: `TensorFileError` where several prefixes would do, or the given one does not.
  func tensors(in file: any TensorContainer, prefix: String?) throws -> any TensorContainer {
    let names = [nil, 0].map { "\(key(.classifier, stage: $0)).weight" }
    // mmdetection 2's roi_head.bbox_head is none of mmdetection 1's bbox_head: its rows are in another order.
    // A predictor saved alone. A bare fc_cls would be a head of this program, whose rows are in another order.
    let module = names[0].dropLast("cls_score.weight".count)
    if prefix == nil, names[0].hasSuffix(".cls_score.weight"), file.names.contains("cls_score.weight") {
      return ModuleTensors(base: file, module: String(module))
    }
    let isForeign: (String) -> Bool = { $0.hasSuffix("roi_head.") && names[0].hasPrefix("bbox_head.") }
    return try file.withoutPrefix(before: names, given: prefix, isForeign: isForeign)
  }
}
