import DenseLinearAlgebra
import DetectionHeads
import Foundation
import HeadTraining
import LVISDatasets
import ModelExport
import SwiftProtobuf
import TestSupport
import Testing

@Suite struct LinearHeadONNXTests {
  static let layoutNames = [
    "softmax", "seesaw", "cosine", "disalign", "grouped-sigmoid", "grouped-official", "grouped-none",
    "grouped-sigmoid-without-others", "grouped-official-without-others", "sigmoid", "sigmoid-first", "sigmoid-last",
    "sigmoid-objectness", "nearest-class-mean", "tau-select", "softmax-scaled", "gumbel", "shifted-sigmoid",
    "shifted-sigmoid-first", "shifted-sigmoid-objectness", "competing-sigmoid",
    "competing-sigmoid-first", "competing-sigmoid-objectness", "normed-softmax", "normed-seesaw",
    "normed-grouped-sigmoid",
  ]

  static func head(_ name: String, groups: CategoryGroups) throws -> LinearHead {
    var layout = try #require(logitLayouts(for: groups).first { $0.name == name })
    if name == "disalign" {
      layout = try layout.with(tensors: [
        "magnitudes": (0..<groups.classCount).map { 1 + Float($0) / 10 },
        "margins": (0..<groups.classCount).map { Float($0) / 5 - 0.5 },
      ])
    }
    // All but the second class have a mean; all but the first are of the tail.
    if name == "nearest-class-mean" {
      layout = NearestClassMeanLayout(hasMean: (0..<groups.classCount).map { $0 != 1 })
    } else if name == "tau-select" {
      layout = TauSelectLayout(isTail: (0..<groups.classCount).map { $0 != 0 })
    }
    if name == "softmax-scaled" {
      layout = ScaledLayout(scales: (0...groups.classCount).map { 0.5 + Float($0) / 8 })
    } else if name.hasPrefix("shifted-") {
      layout = try layout.with(tensors: ["shifts": (0..<groups.classCount).map { Float($0) / 4 - 1 }])
    }
    if name.hasPrefix("competing-") { layout = try layout.with(tensors: ["exponent": [0.25]]) }
    return try exampleHead(layout, inputs: 6, groups: groups)
  }

  static func model(_ head: LinearHead, _ precision: ONNXPrecision = .fp32) throws -> Onnx_ModelProto {
    try Onnx_ModelProto(serializedBytes: head.onnxModel(precision: precision, producerVersion: "1.2"))
  }

  /// The graph computes what the head does, for every layout, with and without empty groups.
  @Test(arguments: layoutNames, [[3, 500, 40, 9, 10, 2000, 150, 1000], [3, 5000, 4], [7]])
  func computesTheScores(name: String, counts: [Int]) throws {
    let groups = try CategoryGroups(instances: counts)
    let head = try Self.head(name, groups: groups)
    let values = randomLogits(7 * 6, seed: 9)
    let expected = head.scores(for: Matrix(rows: 7, columns: 6, values: values.map { Float($0) }))
    let found = try ONNXEvaluator(graph: Self.model(head).graph)(Matrix(rows: 7, columns: 6, values: values))
    #expect(found.rows == 7 && found.columns == counts.count)
    for (a, b) in zip(found.storage, expected.storage) { #expect(abs(a - Double(b)) < 1e-6) }

    let half = try ONNXEvaluator(graph: Self.model(head, .fp16).graph)(Matrix(rows: 7, columns: 6, values: values))
    for (a, b) in zip(half.storage, expected.storage) { #expect(abs(a - Double(b)) < 5e-3) }
  }

  /// Hidden layers below the classifier, linear or of cosines.
  @Test(arguments: ["grouped-sigmoid", "cosine"])
  func hiddenLayersArePartOfIt(name: String) throws {
    let groups = try exampleGroups()
    let layout = try #require(logitLayouts(for: groups).first { $0.name == name })
    var generator = SeededGenerator(seed: 3)
    let first = HiddenLayer(inputs: 6, outputs: 5, using: &generator)
    var second = HiddenLayer(inputs: 5, outputs: 4, using: &generator)
    second.bias = [0.5, -0.25, 1, 0]
    let top = try exampleHead(layout, inputs: 4, groups: groups)
    let head = try LinearHead(
      weight: top.weight, bias: top.bias, hidden: [first, second], layout: layout, groups: groups, method: "test")
    let values = (0..<7 * 6).map { _ in standardNormal(using: &generator) }
    let expected = head.scores(for: Matrix(rows: 7, columns: 6, values: values.map { Float($0) }))
    for (precision, tolerance) in [(ONNXPrecision.fp32, 1e-6), (.fp16, 5e-3)] {
      let found = try ONNXEvaluator(graph: Self.model(head, precision).graph)(
        Matrix(rows: 7, columns: 6, values: values))
      #expect(found.rows == 7 && found.columns == 8)
      for (a, b) in zip(found.storage, expected.storage) { #expect(abs(a - Double(b)) < tolerance) }
    }
    second.bias[3] = 70_000
    let changed = try LinearHead(
      weight: top.weight, bias: top.bias, hidden: [first, second], layout: layout, groups: groups, method: "test")
    #expect { try Self.model(changed, .fp16) } throws: { "\($0)".contains("row 3 of hidden layer 1") }
  }

  /// A cascade's features are [N, S, D]; its classifiers become one.
  @Test func stagesBecomeOneClassifier() throws {
    let groups = try exampleGroups()
    let layout = try #require(logitLayouts(for: groups).first { $0.name == "grouped-sigmoid" })
    let head = try exampleHead(StagedLayout(layout, stageCount: 3), inputs: 6, groups: groups)
    let values = randomLogits(7 * 6, seed: 9)
    let expected = head.scores(for: Matrix(rows: 7, columns: 6, values: values.map { Float($0) }))
    let model = try Self.model(head)
    let input = try #require(model.graph.input.first)
    #expect(input.type.tensorType.shape.dim.map(\.dimValue) == [0, 3, 2])
    let found = try ONNXEvaluator(graph: model.graph)(Matrix(rows: 7, columns: 6, values: values))
    #expect(found.rows == 7 && found.columns == 8)
    for (a, b) in zip(found.storage, expected.storage) { #expect(abs(a - Double(b)) < 1e-6) }
  }

  @Test func describesItself() throws {
    let groups = try exampleGroups()
    let model = try Self.model(Self.head("grouped-sigmoid", groups: groups), .fp16)
    #expect(model.irVersion == 8 && model.opsetImport.map(\.version) == [17] && model.opsetImport[0].domain.isEmpty)
    #expect(model.producerName == "bags" && model.producerVersion == "1.2")
    let metadata = Dictionary(uniqueKeysWithValues: model.metadataProps.map { ($0.key, $0.value) })
    #expect(metadata["class_names"] == #"["pear","apple","fig","plum","date","kiwi","lime","nut"]"#)
    #expect(metadata["category_ids"] == "[1,4,7,10,13,16,19,22]")
    #expect(metadata["layout"] == "grouped-sigmoid" && metadata["method"] == "test")
    #expect(try CategoryGroups(json: Data((metadata["groups"] ?? "").utf8), source: "metadata") == groups)
    let input = try #require(model.graph.input.first)
    #expect(input.name == "features" && input.type.tensorType.elemType == 10)
    #expect(input.type.tensorType.shape.dim.map(\.dimParam) == ["N", ""])
    #expect(input.type.tensorType.shape.dim.map(\.dimValue) == [0, 6])
    let output = try #require(model.graph.output.first)
    #expect(output.name == "scores" && output.type.tensorType.elemType == 1)
    #expect(output.type.tensorType.shape.dim.map(\.dimValue) == [0, 8])
    #expect(model.graph.initializer.first { $0.name == "weight" }?.rawData.count == 2 * 13 * 6)
  }

  @Test func refusesWhatHalfPrecisionCannotHold() throws {
    var head = try Self.head("softmax", groups: exampleGroups())
    head.bias[2] = 70_000
    let changed = head
    #expect { try Self.model(changed, .fp16) } throws: { "\($0)".contains("row 2 of the head") }
    #expect(try Self.model(changed).graph.initializer.count > 1)
  }
}
