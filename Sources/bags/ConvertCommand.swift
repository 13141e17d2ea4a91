import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation
import ModelExport

struct ConvertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Bring a head into a detector framework's layout, or out of it.",
    discussion: """
      Reads a run, a head file, or a detector's weights (safetensors or npz, the last layers alone or the whole \
      detector), and writes the classifier and, where there is one, the box regressor, under the keys and in the order \
      of rows of the layout named by --to:

        bags          fc_cls, fc_reg                    background first, or groups
        mmdetection1  bbox_head.fc_cls, .fc_reg         background first, boxes with the +1
        mmdetection   roi_head.bbox_head.fc_cls, …      version 2 and 3: background last
        detectron2    roi_heads.box_predictor.cls_score, .bbox_pred   background last
        torchvision   the same keys                     background first
        official      bbox_head.fc_cls                  balanced group softmax: [background, foreground], groups
        eqlv2         roi_head.bbox_head.fc_cls         its port in eqlv2: groups, [others, background]
        transformers  class_labels_classifier           DETR and kin: softmax with "no object" last, or sigmoid
                      class_embed, class_embed.i, model.decoder.class_embed.i

      A cascade has one head for each stage (bbox_head.0, .1, .2). Read, it gives one file a stage; to write one, name \
      the stages' heads one after the other, or a run of `bags train --stages`.

      The normed linear layers of mmdetection's NormedLinear are read with --layout normed-softmax (normed-seesaw, …) and \
      written for mmdetection alone; the temperature is 20 unless the file says otherwise.

      The branches of RetinaNet are found by their keys (torchvision head.classification_head.cls_logits, .conv.0.0, \
      head.regression_head; detectron2 head.cls_score, head.cls_subnet, head.bbox_subnet; mmdetection bbox_head.retina_cls, \
      .cls_convs, .reg_convs): the last convolutions and those below, with GroupNorm where there is any (--norm-groups says \
      of how many groups, which no detector's file does). A dense head goes back under the keys of --to, or with --into in \
      place of the detector's own.

      Of transformers' query detectors the class head of the last decoder layer is found by its keys, and heads that are \
      tied to it are written with it. Rows number the categories, or are the ids themselves, 91 for COCO's 80.

      A grouped head fits official and eqlv2. The others have no such layer: the predictors of Integrations put it into \
      their detectors.

      module., model., student. and whatever else a checkpoint has before the keys is found; where several keys end \
      alike, --prefix says which. torchvision's COCO detectors have 91 rows for 80 categories: those of the ids that are \
      no category are left out, and are what they were in a detector that --into names. Of other detectors --class-order \
      lists such classes as N/A (null in JSON).

      EXAMPLES
        bags convert detector.safetensors --from torchvision --groups groups.json --output detector_head.safetensors
        bags convert runs/softmax --to detectron2 --output head.npz
        bags convert runs/bags --to official --output official.npz
        bags convert cascade.npz --from mmdetection --annotations train.json --output stage.safetensors
        bags convert s0.safetensors s1.safetensors s2.safetensors --to mmdetection --output cascade.safetensors
        bags convert model.safetensors --from mmdetection --groups g.json --class-order classes.txt --output h.safetensors
        bags convert retinanet.safetensors --groups groups.json --norm-groups 32 --output dense_head.safetensors
        bags convert detr.safetensors --from transformers --groups groups.json --output detr_head.safetensors
        bags convert runs/softmax --to transformers --into detr.safetensors --output new_detr.safetensors
        bags convert runs/focal --to torchvision --into retinanet.safetensors --output new_retinanet.safetensors
        bags convert runs/softmax --to torchvision --into detector.safetensors --output new_detector.safetensors
      """)

  @Argument(help: .init("A run, a head file or a detector's weights; for a cascade, its stages.", valueName: "input"))
  var inputs: [String]

  @Option(help: "The layout of the input (default: what the file says, or this program's own).")
  var from: DetectorFramework?

  @Option(help: "The layout of the output.")
  var to = DetectorFramework.bags

  @Option(help: .init("Where it goes: a .safetensors or an .npz file.", valueName: "file"))
  var output: String

  @Option(help: .init("The classes, as `bags group` wrote them.", valueName: "file"))
  var groups: String?

  @Option(help: .init("The classes, from the annotations that the detector was trained with.", valueName: "file"))
  var annotations: String?

  @Option(
    help: .init(
      "How the detector numbers its classes: id, name, or a file that lists names or ids, one a line or as JSON.",
      valueName: "id|name|file"))
  var classOrder = "id"

  @Option(
    help: .init(
      "The input's kind of classifier where it is not softmax: sigmoid, sigmoid-last, seesaw, grouped-sigmoid, ….",
      valueName: "layout"))
  var layout: String?

  @Option(
    help: .init(
      "What the input's box deltas are multiplied by (default: the framework's, .1,.1,.2,.2 in the first stage).",
      valueName: "numbers"))
  var boxStds: String?

  @Option(
    help: .init("What stands before the input's keys, where several would do, such as student.", valueName: "text"))
  var prefix: String?

  @Option(
    help: .init(
      "A detector's weights, to be written with these layers in place of its own, and all else as it is.",
      valueName: "file"))
  var into: String?

  @Option(
    help: .init("The groups of GroupNorm in the branches of a dense detector; 32 in most.", valueName: "groups"))
  var normGroups: Int?

  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func validate() throws {
    if let normGroups, !(1...1 << 16).contains(normGroups) {
      throw ValidationError("--norm-groups must be from 1 to 65536")
    }
    guard output.hasSuffix(".safetensors") || output.hasSuffix(".npz") else {
      throw ValidationError("--output must end in .safetensors or .npz, which says the format")
    }
    guard !(to == .bags && output.hasSuffix(".npz")) else {
      throw ValidationError("a head of bags has metadata, which npz has none of: --output must end in .safetensors")
    }
    guard groups == nil || annotations == nil else { throw ValidationError("give --groups or --annotations, not both") }
    guard to != .bags || inputs.count == 1 else {
      throw ValidationError("--to bags takes one input; several are the stages of a cascade")
    }
    guard into == nil || to != .bags else {
      throw ValidationError("--into is a detector's weights: give its framework with --to")
    }
    if let boxStds, BoxRegressor.deviations(boxStds) == nil {
      throw ValidationError("--box-stds must be four positive numbers such as .1,.1,.2,.2")
    }
  }

  func run() throws {
    if try convertDense() { return }
    if try convertQueries() { return }
    let order = try readClassOrder()
    let classes = try readGroups()
    let stages = try inputs.flatMap { try read($0, order: order, groups: classes) }
    var written: [(path: String, stages: [DetectorHead])] = [(output, stages)]
    if to == .bags && stages.count > 1 {
      written = stages.enumerated().map { (path(ofStage: $0), [$1]) }
    }
    for (path, _) in written { try overwrite.check(path) }
    for (path, stages) in written {
      if to == .bags, let head = stages.first {
        try head.write(to: path)
      } else {
        try DetectorHead.write(
          stages, framework: to, order: order, into: try into.map { try openTensors(at: $0) }, to: path)
      }
    }
    try report(written)
  }

  /// Converts the branches of a dense detector.
  ///
  /// - Returns: Whether the input is one.
  private func convertDense() throws -> Bool {
    let files = try inputs.map { try openTensors(at: RunFolder.headPath(for: $0)) }
    guard let file = try files.first(where: { try DenseDetectorHead.isDense($0, prefix: prefix) }) else { return false }
    guard files.count == 1 else {
      throw CommandFailure("\(file.path): is a dense head, which has no stages; give it alone")
    }
    guard classOrder == "id" else {
      throw CommandFailure("\(file.path): rows of a dense head are read and written by ascending category id alone")
    }
    try overwrite.check(output)
    let head = try DenseDetectorHead(file, groups: readGroups(), prefix: prefix, normGroups: normGroups)
    try head.write(framework: to, into: try into.map { try openTensors(at: $0) }, to: output)
    let classifier = head.classifier
    let summary = ConversionSummary.File(
      path: output, stages: 1, method: classifier.method, layout: classifier.layout.name,
      categories: classifier.groups.classCount, features: classifier.inputs / 9, box_regressor: head.boxes != nil)
    if format.isJSON {
      try printJSON(ConversionSummary(framework: to.rawValue, files: [summary]))
    } else {
      StandardStreams.result(
        "\(output): \(classifier.method) for \(to.rawValue), \(grouped(summary.categories)) classes, "
          + "\(classifier.layout.anchorsPerLocation ?? 0) anchors a location, \(grouped(summary.features)) channels"
          + (classifier.tower.isEmpty ? "" : ", \(classifier.tower.count) convolutions below the last")
          + (head.boxes == nil ? "" : ", with regression branch"))
    }
    return true
  }

  /// `head.1.safetensors` for stage 1 of `head.safetensors`.
  private func path(ofStage stage: Int) -> String {
    "\((output as NSString).deletingPathExtension).\(stage).\((output as NSString).pathExtension)"
  }

  private func read(_ input: String, order: ClassOrder, groups: CategoryGroups?) throws -> [DetectorHead] {
    let file = try openTensors(at: RunFolder.headPath(for: input))
    let stated = file.metadata["framework"].flatMap { DetectorFramework(rawValue: $0) }
    let stages = try DetectorHead.stages(
      file,
      DetectorHeadDescription(
        framework: from ?? stated ?? .bags, groups: groups, order: order, layout: layout,
        deviations: boxStds.flatMap { BoxRegressor.deviations($0) }, prefix: prefix))
    if let others = stages.first?.otherRows, !others.isEmpty {
      StandardStreams.note(
        "\(input): \(others.count) rows are no category and left out (\(listed(others.map(String.init)))); "
          + "`bags convert --into \(input)` writes a head back between them")
    }
    guard inputs.count == 1 || stages.count == 1 else {
      throw CommandFailure("\(input): is a cascade of \(stages.count) stages; give it alone")
    }
    return stages
  }

  func readGroups() throws -> CategoryGroups? {
    if let groups { return try CategoryGroups(contentsOf: groups) }
    return try annotations.map { try CategoryGroups(counts: LVISDataset(contentsOf: $0).categoryCounts()) }
  }

  func readClassOrder() throws -> ClassOrder {
    switch classOrder {
    case "id": return .id
    case "name": return .name
    default:
      let file = try MappedFile(at: classOrder)
      let data = withExtendedLifetime(file) { Data(file.bytes) }
      if data.first(where: { !Array(" \n\r\t".utf8).contains($0) }) == UInt8(ascii: "[") {
        if let names = try? JSONDecoder().decode([String?].self, from: data) {
          return .list(names.map { $0 ?? ClassOrder.noCategory })
        }
        if let ids = try? JSONDecoder().decode([Int?].self, from: data) {
          return .list(ids.map { $0.map(String.init) ?? ClassOrder.noCategory })
        }
        throw CommandFailure("\(classOrder): is no JSON list of names or of ids")
      }
      let lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
      return .list(lines.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty })
    }
  }

  /// Reports a head of one layer.
  func reportHead(_ head: LinearHead, of framework: DetectorFramework, to path: String) throws {
    let summary = ConversionSummary.File(
      path: path, stages: 1, method: head.method, layout: head.layout.name, categories: head.groups.classCount,
      features: head.inputs, box_regressor: false)
    if format.isJSON {
      try printJSON(ConversionSummary(framework: framework.rawValue, files: [summary]))
    } else {
      StandardStreams.result(
        "\(path): \(head.method) for \(framework.rawValue), \(head.layout.name), \(grouped(summary.categories)) classes, "
          + "\(grouped(summary.features)) features")
    }
  }

  private func report(_ written: [(path: String, stages: [DetectorHead])]) throws {
    if to == .torchvision || to == .mmdetection1 || to == .official,
      written.contains(where: {
        $0.stages.contains { $0.regressor.map { !$0.isClassAgnostic && $0.background == nil } ?? false }
      })
    {
      StandardStreams.note("the input has no box deltas for background, which \(to.rawValue) has: they are zeros")
    }
    let layout = written.first?.stages.first?.classifier.layout
    if to == .mmdetection, let layout, layout.name == "seesaw" {
      StandardStreams.note(
        "mmdetection scores this seesaw head rightly where its bbox_head has loss_cls=dict(type='SeesawLoss', "
          + "num_classes=\(layout.classCount)); a softmax loss there would expect \(layout.classCount + 1) rows")
    } else if to == .mmdetection, let normed = layout as? NormedLayout {
      // The key is spelt so in mmdetection.
      StandardStreams.note(
        "the layer is mmdetection's dict(type='NormedLinear', tempearture=\(settingText(Double(normed.temperature)))), "
          + "to be set as cls_predictor_cfg")
    } else if !to.isGroupedOrOwn, let layout, !["softmax", "softmax-scaled"].contains(layout.name) {
      StandardStreams.warn(
        "this is a head of the layout \(layout.name), not a softmax layer: \(to.rawValue)'s own predictor does not score "
          + "with it as it was trained; the one in Integrations does")
    }
    let summaries = written.map { path, stages in
      ConversionSummary.File(
        path: path, stages: stages.count, method: stages.first?.classifier.method ?? "",
        layout: stages.first?.classifier.layout.name ?? "", categories: stages.first?.classifier.groups.classCount ?? 0,
        features: stages.first?.classifier.inputs ?? 0, box_regressor: stages.contains { $0.regressor != nil })
    }
    if format.isJSON {
      try printJSON(ConversionSummary(framework: to.rawValue, files: summaries))
    } else {
      for file in summaries {
        StandardStreams.result(
          "\(file.path): \(file.method) for \(to.rawValue), \(grouped(file.categories)) classes, "
            + "\(grouped(file.features)) features"
            + (file.stages > 1 ? ", \(file.stages) stages" : "") + (file.box_regressor ? ", with box regressor" : ""))
      }
    }
  }
}

/// What `bags convert --format json` prints.
private struct ConversionSummary: Encodable {
  struct File: Encodable {
    var path: String
    var stages: Int
    var method: String
    var layout: String
    var categories: Int
    var features: Int
    var box_regressor: Bool
  }

  var framework: String
  var files: [File]
}

extension DetectorFramework: ExpressibleByArgument {
  /// Whether its heads are of no framework's usual softmax layer.
  fileprivate var isGroupedOrOwn: Bool { [.bags, .official, .eqlv2].contains(self) }
}
