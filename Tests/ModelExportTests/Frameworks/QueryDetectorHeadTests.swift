import DenseLinearAlgebra
import DetectionHeads
import Foundation
import LVISDatasets
import ModelExport
import TensorFiles
import TestSupport
import Testing

/// Class heads of transformers' query detectors, by their keys and the number of their rows.
@Suite struct QueryDetectorHeadTests {
  /// Categories 2, 3 and 7.
  private static func groups() throws -> CategoryGroups {
    try CategoryGroups(instances: [5, 50, 500], ids: [2, 3, 7])
  }

  /// A linear layer whose row r has the features 10 r, 10 r + 1 and the bias r.
  private static func layer(_ key: String, rows: Int, plus: Float = 0) -> [NamedTensor] {
    let weight: [Float] = (0..<rows).flatMap { row -> [Float] in [Float(10 * row) + plus, Float(10 * row + 1)] }
    let bias: [Float] = (0..<rows).map { Float($0) }
    return [
      NamedTensor("\(key).weight", floats: weight, shape: [rows, 2]),
      NamedTensor("\(key).bias", floats: bias, shape: [rows]),
    ]
  }

  /// Tensors that tell what model a file is of.
  private static func marks(_ names: [String]) -> [NamedTensor] {
    names.map { NamedTensor($0, floats: [1], shape: [1]) }
  }

  private func read(_ tensors: [NamedTensor], prefix: String? = nil, order: ClassOrder = .id) throws
    -> QueryDetectorHead
  {
    try withTemporaryFolder { folder in
      try writeSafetensors(tensors, metadata: [:], to: "\(folder)/model.safetensors")
      return try QueryDetectorHead(
        openTensors(at: "\(folder)/model.safetensors"),
        DetectorHeadDescription(framework: .transformers, groups: Self.groups(), order: order, prefix: prefix))
    }
  }

  struct Case: CustomTestStringConvertible, Sendable {
    let key: String
    let rows: Int
    let layout: String
    /// The detector's row of each of ours.
    let order: [Int]
    let others: [Int]
    var testDescription: String { "\(key), \(rows) rows" }
  }

  @Test(arguments: [
    Case(key: "class_labels_classifier", rows: 4, layout: "softmax", order: [3, 0, 1, 2], others: []),
    // As COCO's 92 rows: the ids, 0 to 7, and "no object".
    Case(key: "class_labels_classifier", rows: 9, layout: "softmax", order: [8, 2, 3, 7], others: [0, 1, 4, 5, 6]),
    Case(key: "class_labels_classifier", rows: 3, layout: "sigmoid", order: [0, 1, 2], others: []),
    Case(key: "class_labels_classifier", rows: 8, layout: "sigmoid", order: [2, 3, 7], others: [0, 1, 4, 5, 6]),
    Case(key: "class_embed", rows: 3, layout: "sigmoid", order: [0, 1, 2], others: []),
    Case(key: "model.decoder.class_embed.0", rows: 8, layout: "sigmoid", order: [2, 3, 7], others: [0, 1, 4, 5, 6]),
  ]) func rowsAndKeys(of one: Case) throws {
    let head = try read(Self.layer(one.key, rows: one.rows))
    #expect(head.classifier.layout.name == one.layout && head.otherRows == one.others)
    #expect(head.classifier.bias == one.order.map { Float($0) })
    #expect(head.classifier.weight.row(0).map { $0 } == [Float(10 * one.order[0]), Float(10 * one.order[0] + 1)])
    // And back between the rows that are no category.
    try withTemporaryFolder { folder in
      let own = Self.layer(one.key, rows: one.rows)
      try writeSafetensors(
        own + Self.marks(["model.backbone"]), metadata: ["of": "detector"], to: "\(folder)/model.safetensors")
      var changed = head.classifier
      changed.bias = changed.bias.map { $0 + 100 }
      try QueryDetectorHead(classifier: changed).write(
        into: openTensors(at: "\(folder)/model.safetensors"), to: "\(folder)/new.safetensors")
      let written = try openTensors(at: "\(folder)/new.safetensors")
      let expected = (0..<one.rows).map { Float(one.others.contains($0) ? $0 : $0 + 100) }
      #expect(try written.tensor("\(one.key).bias").floats() == expected)
      #expect(
        try written.tensor("\(one.key).weight").floats()
          == openTensors(at: "\(folder)/model.safetensors").tensor("\(one.key).weight").floats())
      #expect(written.names.contains("model.backbone") && written.metadata["of"] == "detector")
    }
  }

  @Test func theLastDecoderLayersCounts() throws {
    func layers(_ count: Int) -> [NamedTensor] {
      Self.marks((0..<count).map { "model.decoder.layers.\($0).fc1.weight" })
    }
    func list(_ key: String, _ count: Int) -> [NamedTensor] {
      (0..<count).flatMap { Self.layer("\(key).\($0)", rows: 3, plus: Float(100 * $0)) }
    }
    // RT-DETR: a head a layer.
    let perLayer = try read(
      layers(3) + list("model.decoder.class_embed", 3) + Self.marks(["model.enc_score_head.weight"]))
    #expect(perLayer.classifier.weight[0, 0] == 200)
    // Two-stage Deformable DETR: the entry behind the layers' is the encoder's.
    let twoStage = try read(
      layers(3) + list("class_embed", 4) + list("model.decoder.class_embed", 4)
        + Self.marks(["model.enc_output.weight"]))
    #expect(twoStage.classifier.weight[0, 0] == 200)
    // Tied: the first alone is in the file.
    let tied = try read(layers(3) + list("class_embed", 1))
    #expect(tied.classifier.weight[0, 0] == 0)
    // What only looks like one.
    let other = try read(
      list("class_embed", 1) + Self.layer("denoising_class_embed", rows: 5)
        + Self.layer("model.enc_out_class_embed.0", rows: 5))
    #expect(other.classifier.bias.count == 3)
    // Under a prefix.
    let wrapped = try read(list("student.class_embed", 1).map { $0 })
    #expect(wrapped.classifier.bias.count == 3)
    let two = list("student.class_embed", 1) + list("teacher.class_embed", 1)
    #expect(throws: TensorFileError.self) { try read(two) }
    #expect(try read(two, prefix: "teacher").classifier.bias.count == 3)
  }

  /// What is tied in the file stays so.
  @Test func tiedHeadsAreWrittenTogether() throws {
    try withTemporaryFolder { folder in
      let keys = ["class_embed.0", "class_embed.1", "model.decoder.class_embed.0", "model.decoder.class_embed.1"]
      try writeSafetensors(
        keys.flatMap { Self.layer($0, rows: 3) } + Self.layer("model.decoder.class_embed.2", rows: 3, plus: 5)
          + Self.marks([
            "model.decoder.layers.0.fc1.weight", "model.decoder.layers.1.fc1.weight", "model.enc_output.weight",
          ]),
        metadata: [:], to: "\(folder)/model.safetensors")
      let head = try LinearHead(
        weight: Matrix(rows: 3, columns: 2, values: [1, 2, 3, 4, 5, 6]), bias: [7, 8, 9],
        layout: SigmoidLayout(classCount: 3), groups: Self.groups(), method: "focal")
      let model = try openTensors(at: "\(folder)/model.safetensors")
      let isEncoders = try QueryDetectorHead(classifier: head).write(into: model, to: "\(folder)/new.safetensors")
      #expect(!isEncoders)
      let written = try openTensors(at: "\(folder)/new.safetensors")
      for key in keys { #expect(try written.tensor("\(key).weight").floats() == [1, 2, 3, 4, 5, 6]) }
      #expect(try written.tensor("model.decoder.class_embed.2.weight").floats()[0] == 5)
    }
  }

  /// D-FINE adds a number of each query to all its logits: the last feature, with a weight of 1.
  @Test func qualityIsAFeature() throws {
    try withTemporaryFolder { folder in
      let tensors =
        Self.layer("model.decoder.class_embed.0", rows: 3)
        + Self.marks([
          "model.decoder.lqe_layers.0.reg_conf", "model.decoder.layers.0.fc1.weight", "model.enc_score_head.bias",
        ])
      let head = try read(tensors).classifier
      #expect(head.inputs == 3 && (0..<3).allSatisfy { head.weight[$0, 2] == 1 })
      try writeSafetensors(tensors, metadata: [:], to: "\(folder)/model.safetensors")
      let model = try openTensors(at: "\(folder)/model.safetensors")
      try QueryDetectorHead(classifier: head).write(into: model, to: "\(folder)/new.safetensors")
      let written = try openTensors(at: "\(folder)/new.safetensors").tensor("model.decoder.class_embed.0.weight")
      #expect(try written.floats() == model.tensor("model.decoder.class_embed.0.weight").floats())
      var trained = head
      trained.weight[1, 2] = 0.9
      let error = try #require(throws: ModelExportError.self) {
        try QueryDetectorHead(classifier: trained).write(into: model, to: "\(folder)/other.safetensors")
      }
      #expect(error.description.contains("weighs it by class"))
    }
  }

  @Test func whatDoesNotFitIsRefused() throws {
    #expect(throws: ModelExportError.self) { try read(Self.layer("class_embed", rows: 5)) }
    #expect(throws: ModelExportError.self) { try read(Self.layer("fc_cls", rows: 3)) }
    try withTemporaryFolder { folder in
      let layout = GroupedLayout(groups: try Self.groups())
      let grouped = try LinearHead(
        weight: Matrix(rows: layout.logitCount, columns: 2), bias: [Float](repeating: 0, count: layout.logitCount),
        layout: layout, groups: Self.groups(), method: "bags")
      let error = try #require(throws: ModelExportError.self) {
        try QueryDetectorHead(classifier: grouped).write(to: "\(folder)/x.safetensors")
      }
      #expect(error.description.contains("softmax and sigmoid heads"))
      // A sigmoid head into DETR, whose classifier has "no object".
      try writeSafetensors(
        Self.layer("class_labels_classifier", rows: 4), metadata: [:], to: "\(folder)/detr.safetensors")
      let sigmoid = try LinearHead(
        weight: Matrix(rows: 3, columns: 2), bias: [0, 0, 0], layout: SigmoidLayout(classCount: 3),
        groups: Self.groups(), method: "focal")
      #expect(throws: ModelExportError.self) {
        try QueryDetectorHead(classifier: sigmoid).write(
          into: openTensors(at: "\(folder)/detr.safetensors"), to: "\(folder)/y.safetensors")
      }
    }
  }
}
