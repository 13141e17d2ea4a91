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

      `bags convert` writes heads for detector frameworks.

      EXAMPLES
        bags export --onnx head.onnx
        bags export runs/bags --onnx head.onnx
        bags export runs/bags --onnx head16.onnx --precision fp16
      """)

  @Argument(help: .init("A run, or a head file (default: the latest run).", valueName: "run|head"))
  var head: String?

  @Option(help: .init("Where the model goes.", valueName: "file"))
  var onnx: String

  @Option(help: "Of features and weights; scores are in single precision.")
  var precision = ONNXPrecision.fp32

  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func run() throws {
    try overwrite.check(onnx)
    let path = RunFolder.headPath(for: try head ?? RunFolder.latestOrFail().path)
    let head = try LinearHead(contentsOf: path)
    do {
      try head.writeONNX(to: onnx, precision: precision, producerVersion: Program.version)
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
      StandardStreams.result(
        "\(onnx): \(head.method), features [\(head.onnxInputShape)] to scores [N, \(head.groups.classCount)], "
          + precision.rawValue)
    }
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
