import ArgumentParser
import BalancedGroupSoftmax
import Foundation
import ModelExport

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Write a trained head as an ONNX model.",
    discussion: """
      The model takes `features` [N, D], N of any size, and gives `scores` [N, C], the classes by ascending category id: \
      for BAGS the softmax of each group without `others`, times the foreground probability. Hidden layers are part of \
      the model; for a cascade of S stages it takes [N, S, D]. It is made of plain operators (operator set 17). \
      class_names, category_ids, groups, layout and method stand in its metadata.

      A dense head is exported for maps of given shapes, those of the first image of --features: for each level l it takes \
      `features_l` [N, C, H, W] and the detector's `box_deltas_l` [N, 4A, H, W], and `image_sizes` [N, 2] (height, width), \
      and gives `scores` [N, anchors, C] and `boxes` [N, anchors, 4], before suppression.

      `bags convert` writes heads for detector frameworks.

      EXAMPLES
        bags export --onnx head.onnx
        bags export runs/bags --onnx head.onnx
        bags export runs/bags --onnx head16.onnx --precision fp16
        bags export runs/focal --features maps/val --onnx dense.onnx
      """)

  @Argument(help: .init("A run, or a head file (default: the latest run).", valueName: "run|head"))
  var head: String?

  @Option(help: .init("Where the model goes.", valueName: "file"))
  var onnx: String

  @Option(
    help: .init(
      "For a dense head: a set of feature maps, whose anchors and whose first image's shapes the model is for.",
      valueName: "folder"))
  var features: String?

  @Option(help: "Of features and weights; scores are in single precision.")
  var precision = ONNXPrecision.fp32

  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func run() throws {
    try overwrite.check(onnx)
    let path = RunFolder.headPath(for: try head ?? RunFolder.latestOrFail().path)
    var head: LinearHead
    do {
      head = try LinearHead(contentsOf: path)
    } catch let error as LinearHeadError where error.code == .unnamedClasses {
      throw CommandFailure(
        "\(path): does not name its classes; `bags convert \(path) --annotations TRAIN.json --output HEAD.safetensors` writes a "
          + "head that does")
    }
    let isDense = head.layout.anchorsPerLocation != nil
    if !isDense, features != nil {
      throw CommandFailure("\(path): --features is for dense heads; this one takes RoIs or queries of any number")
    }
    if isDense, features == nil {
      throw CommandFailure(
        "\(path): a dense head; name a set of feature maps with --features, for its anchors and shapes")
    }
    var maps: ONNXMaps?
    if let features { (maps, head) = try describedMaps(at: features, for: head) }
    do {
      if let maps {
        try head.writeONNX(to: onnx, for: maps, precision: precision, producerVersion: Program.version)
      } else {
        try head.writeONNX(to: onnx, precision: precision, producerVersion: Program.version)
      }
    } catch let error as ModelExportError {
      throw CommandFailure("\(path): \(error)")
    }
    if format.isJSON {
      try printJSON(
        ExportSummary(
          onnx: onnx, method: head.method, layout: head.layout.name, categories: head.groups.classCount,
          stages: head.layout.stageCount, features: head.inputs / head.layout.stageCount,
          precision: precision.rawValue))
    } else {
      let from = maps.map(Self.text) ?? "features [\(head.onnxInputShape)]"
      let classes = "\(head.groups.classCount)"
      let to = isDense ? "scores [N, anchors, \(classes)] and boxes" : "scores [N, \(classes)]"
      StandardStreams.result("\(onnx): \(head.method), \(from) to \(to), \(precision.rawValue)")
    }
  }

  /// The anchors of a set of feature maps, and the shapes of its first image's levels.
  ///
  /// - Returns: These, and the head for such maps.
  private func describedMaps(at path: String, for head: LinearHead) throws -> (ONNXMaps?, LinearHead) {
    guard try FeatureMapSet.isMapSet(at: path) else {
      throw CommandFailure("\(path): is no set of feature maps; a dense head is exported for one")
    }
    let set = try FeatureMapSet(at: path)
    let levels = set.images.first?.levels ?? []
    if set.images.contains(where: { $0.levels != levels }) {
      StandardStreams.note("\(path): its images are of several sizes; the model is for those like the first")
    }
    let maps = ONNXMaps(
      anchors: try AnchorDetectionPass(maps: set, head: head).anchors,
      levels: levels.map { (height: $0.height, width: $0.width) })
    return (maps, head.forMaps(below: set.statedTower))
  }

  private static func text(_ maps: ONNXMaps) -> String {
    "maps of " + maps.levels.map { "\($0.height) × \($0.width)" }.joined(separator: ", ")
  }
}

/// What `bags export --format json` prints.
private struct ExportSummary: Encodable {
  var onnx: String
  var method: String
  var layout: String
  var categories: Int
  var stages: Int
  var features: Int
  var precision: String
}

extension ONNXPrecision: ExpressibleByArgument {}
