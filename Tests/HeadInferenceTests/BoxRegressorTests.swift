import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadInference
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

@Suite struct BoxRegressorTests {
  static func regressor(perClass: Bool, seed: UInt64 = 8) throws -> BoxRegressor {
    var generator = SeededGenerator(seed: seed)
    let (rows, inputs) = (perClass ? 4 * DetectionPassTests.classCount : 4, DetectionPassTests.inputs)
    return try BoxRegressor(
      weight: Matrix(
        rows: rows, columns: inputs,
        values: (0..<rows * inputs).map { _ in Float.random(in: -1...1, using: &generator) }),
      bias: (0..<rows).map { _ in Float.random(in: -1...1, using: &generator) },
      classCount: DetectionPassTests.classCount)
  }

  /// Applying the regressor is the same as a set whose box_deltas are what it gives.
  @Test(arguments: [true, false]) func givesTheDeltas(perClass: Bool) throws {
    try withTemporaryFolder { folder in
      let dataset = try DetectionPassTests.writeSet(to: "\(folder)/bare", deltas: .none, seed: 5)
      let bare = try FeatureSet(at: "\(folder)/bare")
      let regressor = try Self.regressor(perClass: perClass)
      let stds: [Float] = [0.1, 0.1, 0.2, 0.2]
      let writer = try FeatureSetWriter(at: "\(folder)/deltas", featureCount: bare.featureCount, elementType: .float32)
      for image in bare.images {
        let features = try bare.features(rows: image.rows)
        var deltas: [Float] = []
        for row in 0..<image.rows.count {
          for output in 0..<regressor.bias.count {
            var sum = regressor.bias[output]
            for place in 0..<bare.featureCount {
              sum += regressor.weight[output, place] * features[row * bare.featureCount + place]
            }
            deltas.append(sum * stds[output % 4])
          }
        }
        try writer.append(
          ImageRoIs(
            imageID: image.id, features: features, boxes: try bare.boxes(rows: image.rows),
            columns: [.boxDeltas: deltas]))
      }
      try writer.finish()

      let head = try DetectionPassTests.head(SoftmaxLayout(classCount: DetectionPassTests.classCount), seed: 3)
      let expected = try head.detections(for: FeatureSet(at: "\(folder)/deltas"), clippingTo: dataset)
      var found: [(id: Int, index: Int, box: CornerBox)] = []
      try DetectionPass(features: bare, scorer: head, regressor: regressor, clippingTo: dataset).forEachImage { image in
        image.detections.map { (image.imageID, $0.classIndex, $0.box) }
      } deliver: {
        found += $0
      }
      #expect(found.count == expected.count && found.count > 100)
      for (detection, other) in zip(found, expected) {
        #expect(detection.id == other.imageID && head.groups.members[detection.index].id == other.categoryID)
        #expect(abs(Double(detection.box.x1) - other.box.x) < 1e-3)
        #expect(abs(Double(detection.box.y2 - detection.box.y1) - other.box.height) < 1e-3)
      }
    }
  }

  @Test func leavesOutSmallBoxes() throws {
    try withTemporaryFolder { folder in
      let dataset = try DetectionPassTests.writeSet(to: folder, deltas: .none, seed: 5)
      let set = try FeatureSet(at: folder)
      let head = try DetectionPassTests.head(SoftmaxLayout(classCount: DetectionPassTests.classCount), seed: 3)
      func smallest(_ size: Float) throws -> Double {
        try head.detections(
          for: set, clippingTo: dataset, settings: DetectionSettings(maximumPerImage: 100_000, minimumSize: size)
        ).map { min($0.box.width, $0.box.height) }.min() ?? 0
      }
      #expect(try smallest(0) < 5)
      #expect(try smallest(5) >= 5)
    }
  }

  @Test func comesBackFromItsFile() throws {
    let groups = try DetectionPassTests.groups()
    var regressor = try Self.regressor(perClass: true)
    regressor.background = LinearRows(
      weight: Matrix(rows: 4, columns: DetectionPassTests.inputs, repeating: 0.5), bias: [1, 2, 3, 4])
    regressor.coder = BoxCoder(convention: .mmdetection1, standardDeviations: [0.05, 0.05, 0.1, 0.1])
    try withTemporaryFolder { folder in
      let path = "\(folder)/head.safetensors"
      try writeSafetensors(regressor.tensors(), metadata: regressor.metadata, to: path)
      #expect(try BoxRegressor(openTensors(at: path), groups: groups) == regressor)
    }
  }

  @Test func namesWhatIsWrongWithAFile() throws {
    let groups = try DetectionPassTests.groups()
    func message(rows: Int, biases: Int, value: Float = 1, metadata: [String: String] = [:]) throws -> String {
      try withTemporaryFolder { folder in
        let path = "\(folder)/head.safetensors"
        try writeSafetensors(
          [
            NamedTensor("fc_reg.weight", floats: [Float](repeating: value, count: rows * 2), shape: [rows, 2]),
            NamedTensor("fc_reg.bias", floats: [Float](repeating: 0, count: biases), shape: [biases]),
          ], metadata: metadata, to: path)
        let error = #expect(throws: (any Error).self) { try BoxRegressor(openTensors(at: path), groups: groups) }
        return "\(error.map { "\($0)" } ?? "")"
      }
    }
    #expect(try message(rows: 164, biases: 164).contains("164 weight rows and 164 biases; 4 are expected, or 160"))
    #expect(try message(rows: 4, biases: 3).contains("fc_reg.bias [3]"))
    #expect(try message(rows: 4, biases: 4, value: .infinity).contains("row 0 of fc_reg is not finite"))
    #expect(try message(rows: 4, biases: 4, metadata: ["box_stds": "1,2,3"]).contains("four positive numbers"))
    #expect(try message(rows: 4, biases: 4, metadata: ["box_coder": "x"]).contains("\"x\", which is not known"))
    let other = try CategoryGroups(instances: [1]).json()
    #expect(try message(rows: 4, biases: 4, metadata: ["groups": other]).contains("1 categories that are not the 40"))
  }

  @Test func hasToFitTheSet() throws {
    try withTemporaryFolder { folder in
      let dataset = try DetectionPassTests.writeSet(to: folder, deltas: .none, seed: 5)
      let set = try FeatureSet(at: folder)
      let head = try DetectionPassTests.head(SoftmaxLayout(classCount: DetectionPassTests.classCount), seed: 3)
      let narrow = try BoxRegressor(weight: Matrix(rows: 4, columns: 3), bias: [0, 0, 0, 0], classCount: 40)
      #expect {
        try DetectionPass(features: set, scorer: head, regressor: narrow, clippingTo: dataset)
      } throws: { "\($0)".contains("the box regressor takes 3") }
      let other = try BoxRegressor(
        weight: Matrix(rows: 8, columns: 12), bias: [Float](repeating: 0, count: 8), classCount: 2)
      #expect {
        try DetectionPass(features: set, scorer: head, regressor: other, clippingTo: dataset)
      } throws: { "\($0)".contains("the box regressor has 8 rows") }
    }
  }
}
