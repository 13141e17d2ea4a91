import DenseLinearAlgebra
import DetectionHeads
import Foundation
import LVISDatasets
import ModelExport
import TensorFiles
import TestSupport
import Testing

@Suite struct DetectorHeadTests {

  /// Reads a file back with nothing but the classes known.
  static func read(
    _ path: String, _ framework: DetectorFramework, order: ClassOrder = .id, layout: String? = nil,
    deviations: SIMD4<Float>? = nil
  ) throws -> [DetectorHead] {
    try DetectorHead.stages(
      openTensors(at: path),
      DetectorHeadDescription(
        framework: framework, groups: try exampleGroups(), order: order, layout: layout, deviations: deviations))
  }

  struct RoundTrip: CustomStringConvertible, Sendable {
    let framework: DetectorFramework
    let layout: String
    let ending: String
    let order: ClassOrder
    var description: String { "\(framework) \(layout) \(ending) \(order)" }

    static let all: [RoundTrip] = DetectorFramework.allCases.filter { ![.bags, .transformers].contains($0) }.flatMap {
      framework -> [RoundTrip] in
      let layouts: [String] =
        switch framework {
        case .official, .eqlv2: ["grouped-official", "grouped-sigmoid"]
        case .mmdetection:
          ["softmax", "sigmoid", "sigmoid-objectness", "seesaw", "normed-softmax", "normed-sigmoid-objectness"]
        default: ["softmax", "sigmoid", "sigmoid-last"]
        }
      return layouts.flatMap { layout -> [RoundTrip] in
        ["safetensors", "npz"].flatMap { ending -> [RoundTrip] in
          [ClassOrder.id, .name, .list(["22", "pear", "apple", "7", "10", "13", "16", "19"])].map {
            RoundTrip(framework: framework, layout: layout, ending: ending, order: $0)
          }
        }
      }
    }
  }

  /// Ours to the framework's and back, and to the framework's again: the same bytes, with either kind of regressor.
  @Test(arguments: RoundTrip.all) func comesBack(trip: RoundTrip) throws {
    let layout = try #require(logitLayouts(for: exampleGroups()).first { $0.name == trip.layout })
    let hasBackgroundDeltas = [.mmdetection1, .torchvision, .official].contains(trip.framework)
    for perClass in [true, false] {
      try withTemporaryFolder { folder in
        var regressor = try exampleRegressor(perClass: perClass, background: perClass && hasBackgroundDeltas)
        regressor.coder.convention =
          switch trip.framework {
          case .mmdetection1, .official: .mmdetection1
          case .mmdetection, .eqlv2: .mmdetection2
          default: .standard
          }
        let method = trip.framework == .official || trip.framework == .eqlv2 ? "bags" : "softmax"
        let own = try DetectorHead(classifier: exampleHead(layout, method: method), regressor: regressor)
        try own.write(to: "\(folder)/own.safetensors")
        let (first, second) = ("\(folder)/first.\(trip.ending)", "\(folder)/second.\(trip.ending)")
        try DetectorHead.write([own], framework: trip.framework, order: trip.order, to: first)
        let back = try Self.read(first, trip.framework, order: trip.order, layout: trip.layout)
        #expect(back.count == 1)
        try back[0].write(to: "\(folder)/back.safetensors")
        #expect(try fileBytes("\(folder)/back.safetensors") == fileBytes("\(folder)/own.safetensors"))
        try DetectorHead.write(back, framework: trip.framework, order: trip.order, to: second)
        #expect(try fileBytes(first) == fileBytes(second))
      }
    }
  }

  /// A temperature is in the metadata; frameworks without such a layer refuse.
  @Test func keepsTheTemperatureOfANormedLayer() throws {
    try withTemporaryFolder { folder in
      let head = try DetectorHead(
        classifier: exampleHead(NormedLayout(SeesawLayout(classCount: 8), temperature: 12.5), method: "seesaw"))
      try DetectorHead.write([head], framework: .mmdetection, to: "\(folder)/a.safetensors")
      let back = try #require(try Self.read("\(folder)/a.safetensors", .mmdetection).first)
      #expect(back.classifier.layout.tensors == ["temperature": [12.5]])
      #expect(back.classifier.weight == head.classifier.weight && back.classifier.bias == head.classifier.bias)
      #expect(throws: ModelExportError.self) {
        try DetectorHead.write([head], framework: .detectron2, to: "\(folder)/b.safetensors")
      }
    }
  }

  /// Fixed scales go into the rows, so that a detector's own softmax layer scores the same.
  @Test func foldsTheScalesOfIIF() throws {
    try withTemporaryFolder { folder in
      let head = try exampleHead(ScaledLayout(scales: [1, 2, 0.5, 3, 1, 4, 0.25, 1.5, 7]), method: "iif")
      try DetectorHead.write(
        [DetectorHead(classifier: head)], framework: .detectron2, to: "\(folder)/a.safetensors")
      let back = try #require(try Self.read("\(folder)/a.safetensors", .detectron2).first).classifier
      #expect(back.layout.name == "softmax")
      let features = Matrix(rows: 4, columns: 5, values: randomLogits(20, seed: 2).map { Float($0) })
      let expected = head.scores(for: features).storage.map { Double($0) }
      #expect(largestDifference(back.scores(for: features).storage, expected) < 1e-5)
    }
  }

  @Test func keepsHalfPrecision() throws {
    try withTemporaryFolder { folder in
      var head = try exampleHead(SoftmaxLayout(classCount: 8), method: "softmax")
      head.weight = Matrix(rows: 9, columns: 5, values: (0..<45).map { Float($0) / 4 })
      head.bias = (0..<9).map { Float($0) / 8 }
      for type in [TensorElementType.float16, .bfloat16] {
        try DetectorHead.write(
          [DetectorHead(classifier: head, elementType: type)], framework: .detectron2, to: "\(folder)/a.safetensors")
        let back = try #require(try Self.read("\(folder)/a.safetensors", .detectron2).first)
        #expect(back.elementType == type && back.classifier.weight == head.weight && back.classifier.bias == head.bias)
      }
    }
  }

  /// Where the rows of each framework stand, checked one by one with a weight that tells its row.
  @Test func rowsStandWhereTheFrameworksHaveThem() throws {
    func rows(_ layout: any LogitLayout, _ framework: DetectorFramework) throws -> [Float] {
      var head = try exampleHead(layout)
      head.bias = head.bias.indices.map { Float($0) }
      let tensors = try DetectorHead.tensors([DetectorHead(classifier: head)], framework: framework)
      return try withTemporaryFolder { folder in
        try writeSafetensors(tensors, to: "\(folder)/a")
        let file = try openTensors(at: "\(folder)/a")
        return try file.tensor(try #require(file.names.first { $0.hasSuffix("bias") })).floats()
      }
    }
    let softmax = SoftmaxLayout(classCount: 8)
    let ascending = (0..<9).map { Float($0) }
    #expect(try rows(softmax, .torchvision) == ascending)
    #expect(try rows(softmax, .mmdetection1) == ascending)
    #expect(try rows(softmax, .detectron2) == [1, 2, 3, 4, 5, 6, 7, 8, 0])
    #expect(try rows(softmax, .mmdetection) == [1, 2, 3, 4, 5, 6, 7, 8, 0])
    let official = GroupedLayout(groups: try exampleGroups(), background: .official)
    #expect(try rows(official, .official) == (0..<14).map { Float($0) })
    #expect(try rows(official, .eqlv2) == (2..<14).map { Float($0) } + [1, 0])
    // One logit z₀ for G0 becomes the pair [background, foreground] = [0, z₀].
    let sigmoid = GroupedLayout(groups: try exampleGroups())
    #expect(try rows(sigmoid, .official) == [0, 0] + (1..<13).map { Float($0) })
    #expect(try rows(sigmoid, .eqlv2) == (1..<13).map { Float($0) } + [0, 0])
  }

  /// LVIS's own numbers of classes in each group: the official layers have 1,236 rows for v0.5 and 1,209 for v1.
  @Test(arguments: [
    ([294, 453, 302, 181], [0, 2, 297, 751, 1054], 1236), ([200, 412, 334, 257], [0, 2, 203, 616, 951], 1209),
  ])
  func hasTheOfficialRows(classes: [Int], starts: [Int], rowCount: Int) throws {
    let counts = zip(classes, [5, 50, 500, 5000]).flatMap { count, instances in
      Array(repeating: instances, count: count)
    }
    let groups = try CategoryGroups(instances: counts)
    let layout = GroupedLayout(groups: groups)
    var generator = SeededGenerator(seed: 1)
    var head = LinearHead(inputs: 2, layout: layout, groups: groups, method: "bags", using: &generator)
    for (group, other) in layout.othersLogits.enumerated() { head.bias[other] = Float(1000 + group) }
    try withTemporaryFolder { folder in
      for framework in [DetectorFramework.official, .eqlv2] {
        try DetectorHead.write([DetectorHead(classifier: head)], framework: framework, to: "\(folder)/a.npz")
        let file = try openTensors(at: "\(folder)/a.npz")
        let prefix = framework == .official ? "bbox_head" : "roi_head.bbox_head"
        #expect(file.names == ["\(prefix).fc_cls.bias", "\(prefix).fc_cls.weight"])
        let bias = try file.tensor("\(prefix).fc_cls.bias").floats()
        #expect(bias.count == rowCount)
        let found = starts.dropFirst().map { bias[framework == .official ? $0 : $0 - 2] }
        #expect(found == [1000, 1001, 1002, 1003])
        try FileManager.default.removeItem(atPath: "\(folder)/a.npz")
      }
    }
  }

  @Test func regressorsStandWhereTheFrameworksHaveThem() throws {
    let head = try exampleHead(SoftmaxLayout(classCount: 8))
    func bias(_ regressor: BoxRegressor, _ framework: DetectorFramework, order: ClassOrder = .id) throws -> [Float] {
      let tensors = try DetectorHead.tensors(
        [DetectorHead(classifier: head, regressor: regressor)], framework: framework, order: order)
      return try withTemporaryFolder { folder in
        try writeSafetensors(tensors, to: "\(folder)/a")
        let file = try openTensors(at: "\(folder)/a")
        let name = try #require(file.names.first { $0.hasSuffix("pred.bias") || $0.hasSuffix("fc_reg.bias") })
        return try file.tensor(name).floats()
      }
    }
    let classes = (100..<132).map { -Float($0) }
    let whole = try exampleRegressor(perClass: true, background: true)
    #expect(try bias(whole, .detectron2) == classes && bias(whole, .mmdetection) == classes)
    #expect(try bias(whole, .torchvision) == [0, -1, -2, -3] + classes)
    // Without rows of background's own, zeros.
    #expect(try bias(exampleRegressor(perClass: true), .mmdetection1) == [0, 0, 0, 0] + classes)
    #expect(try bias(exampleRegressor(perClass: false), .torchvision) == [-100, -101, -102, -103])
    #expect(try bias(whole, .detectron2, order: .name).prefix(8) == [-104, -105, -106, -107, -116, -117, -118, -119])
  }

  @Test(arguments: [DetectorFramework.mmdetection, .mmdetection1, .detectron2]) func cascades(
    framework: DetectorFramework
  ) throws {
    try withTemporaryFolder { folder in
      let stages = try (0..<3).map { stage in
        var head = try exampleHead(SoftmaxLayout(classCount: 8), method: "softmax")
        head.bias[0] = Float(stage)
        return try DetectorHead(classifier: head, regressor: exampleRegressor(perClass: false))
      }
      try DetectorHead.write(stages, framework: framework, to: "\(folder)/a.npz")
      let names = try openTensors(at: "\(folder)/a.npz").names
      #expect(names.count == 12)
      let expected =
        switch framework {
        case .mmdetection: "roi_head.bbox_head.1.fc_reg.weight"
        case .mmdetection1: "bbox_head.1.fc_reg.weight"
        default: "roi_heads.box_predictor.1.bbox_pred.weight"
        }
      #expect(names.contains(expected))
      let back = try Self.read("\(folder)/a.npz", framework)
      #expect(back.map(\.classifier.bias[0]) == [0, 1, 2])
      // The frameworks' own stds for the stages of Cascade R-CNN; any others where they are given.
      let found = back.compactMap { $0.regressor?.coder.standardDeviations.z }
      #expect(found == [0.2, 0.1, framework == .detectron2 ? 1 / 15 : 0.067])
      let given = try Self.read("\(folder)/a.npz", framework, deviations: [1, 2, 3, 4])
      #expect(given.allSatisfy { $0.regressor?.coder.standardDeviations == [1, 2, 3, 4] })
    }
  }

  /// A head that was trained with several stages is as many heads of a detector.
  @Test func stagesOfItsOwn() throws {
    try withTemporaryFolder { folder in
      let head = try exampleHead(StagedLayout(SoftmaxLayout(classCount: 8), stageCount: 3), inputs: 15)
      try head.write(to: "\(folder)/a.safetensors")
      let stages = try Self.read("\(folder)/a.safetensors", .bags)
      #expect(stages.map(\.classifier.weight) == (0..<3).map { head.stage($0)?.weight })
      try DetectorHead.write(stages, framework: .mmdetection, to: "\(folder)/b.npz")
      #expect(try Self.read("\(folder)/b.npz", .mmdetection).map(\.classifier.bias) == stages.map(\.classifier.bias))
      let regressor = try exampleRegressor(perClass: false)
      try writeSafetensors(
        head.tensors() + regressor.tensors(), metadata: head.metadata(), to: "\(folder)/c.safetensors")
      #expect { try Self.read("\(folder)/c.safetensors", .bags) } throws: { "\($0)".contains("of 3 stages") }
    }
  }

  @Test func findsLayersInAWholeDetector() throws {
    try withTemporaryFolder { folder in
      let head = try exampleHead(SoftmaxLayout(classCount: 8))
      let tensors = try DetectorHead.tensors([DetectorHead(classifier: head)], framework: .torchvision).map { tensor in
        NamedTensor(
          "module.\(tensor.name)", floats: tensor.shape.count == 2 ? head.weight.storage : head.bias,
          shape: tensor.shape)
      }
      try writeSafetensors(
        tensors + [NamedTensor("module.backbone.conv1.weight", floats: [1], shape: [1])], to: "\(folder)/a")
      #expect(try Self.read("\(folder)/a", .torchvision).first?.classifier.weight == head.weight)
    }
  }

  @Test func saysWhatDoesNotFit() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.safetensors"
      func expect(_ words: String, _ body: () throws -> Void) {
        let error = #expect(throws: (any Error).self) { try body() }
        #expect(error.map { "\($0)".contains(words) } ?? false, "\(String(describing: error))")
      }
      let head = try exampleHead(SoftmaxLayout(classCount: 8))
      try DetectorHead.write([DetectorHead(classifier: head)], framework: .torchvision, to: path)
      expect("has no roi_head.bbox_head.fc_cls.weight, and no roi_head.bbox_head.0.fc_cls.weight") {
        _ = try Self.read(path, .mmdetection)
      }
      try writeNumPyArchive(
        DetectorHead.tensors([DetectorHead(classifier: head)], framework: .torchvision), to: "\(folder)/a.npz")
      let seven = try CategoryGroups(instances: Array(repeating: 1, count: 7))
      expect("cls_score.weight has 9 rows; 8 are expected of a softmax classifier for 7 categories") {
        _ = try DetectorHead.stages(
          openTensors(at: "\(folder)/a.npz"), DetectorHeadDescription(framework: .torchvision, groups: seven))
      }
      expect("8 categories that are not the 7 that were given") {
        _ = try DetectorHead.stages(
          openTensors(at: path), DetectorHeadDescription(framework: .torchvision, groups: seven))
      }
      expect("does not name its classes") {
        _ = try DetectorHead.stages(
          openTensors(at: "\(folder)/a.npz"), DetectorHeadDescription(framework: .torchvision))
      }
      expect("9 rows; 14 are expected of a grouped-official classifier for 8 categories") {
        try writeNumPyArchive(
          DetectorHead.tensors([DetectorHead(classifier: head)], framework: .mmdetection1), to: "\(folder)/b.npz")
        _ = try Self.read("\(folder)/b.npz", .official)
      }
      expect("bbox_pred.weight has 32 rows; 4 are expected, or 36 for 8 classes and background") {
        let whole = try DetectorHead(classifier: head, regressor: exampleRegressor(perClass: true))
        try writeNumPyArchive(DetectorHead.tensors([whole], framework: .detectron2), to: "\(folder)/c.npz")
        _ = try Self.read("\(folder)/c.npz", .torchvision)
      }
      expect("is not known to this program") { _ = try Self.read("\(folder)/a.npz", .torchvision, layout: "cubic") }
      expect("grouped head is no layer that detectron2 has") {
        let grouped = try exampleHead(GroupedLayout(groups: exampleGroups()))
        try DetectorHead.write([DetectorHead(classifier: grouped)], framework: .detectron2, to: path)
      }
      expect("no groups with `others` and G0") {
        try DetectorHead.write([DetectorHead(classifier: head)], framework: .official, to: path)
      }
      expect("more than a linear layer") {
        let cosine = try exampleHead(CosineLayout(classCount: 8))
        try DetectorHead.write([DetectorHead(classifier: cosine)], framework: .detectron2, to: path)
      }
      expect("2 rows for background") {
        let seesaw = try exampleHead(SeesawLayout(classCount: 8))
        try DetectorHead.write([DetectorHead(classifier: seesaw)], framework: .torchvision, to: path)
      }
      expect("the box regressor takes 3 features, the classifier 5") {
        _ = try DetectorHead(classifier: head, regressor: exampleRegressor(perClass: false, inputs: 3))
      }
    }
  }

  /// The pair and the one logit give the same scores.
  @Test func bothKindsOfG0AreTheSameFunction() throws {
    try withTemporaryFolder { folder in
      let sigmoid = try exampleHead(GroupedLayout(groups: exampleGroups()))
      try DetectorHead.write([DetectorHead(classifier: sigmoid)], framework: .eqlv2, to: "\(folder)/a.npz")
      let official = try #require(try Self.read("\(folder)/a.npz", .eqlv2).first).classifier
      #expect(official.layout.name == "grouped-official")
      var generator = SeededGenerator(seed: 2)
      let features = Matrix(
        rows: 20, columns: 5, values: (0..<100).map { _ in Float(standardNormal(using: &generator)) })
      let (left, right) = (sigmoid.scores(for: features), official.scores(for: features))
      #expect(zip(left.storage, right.storage).allSatisfy { abs($0 - $1) < 1e-6 })
    }
  }
}
