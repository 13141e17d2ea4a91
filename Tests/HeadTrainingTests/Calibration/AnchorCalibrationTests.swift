import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Calibrations of dense heads, on the anchors of feature maps.
@Suite struct AnchorCalibrationTests {
  private static func withSource<Result>(
    anchorCount: Int = 2, _ body: (LabelledMapSet, CategoryGroups) throws -> Result
  ) throws -> Result {
    try withTemporaryFolder { folder in
      let set =
        anchorCount == 2 ? SmallMapSet() : SmallMapSet(anchorSizes: "20;40", anchorCount: anchorCount)
      try set.write(to: folder)
      let groups = try exampleGroups()
      return try body(LabelledMapSet(FeatureMapSet(at: folder), assignedFrom: set.dataset, groups: groups), groups)
    }
  }

  private static func head(_ method: String, on source: LabelledMapSet, _ groups: CategoryGroups) throws -> LinearHead {
    let settings = TrainingSettings(epochs: 2, imagesPerBatch: 2, learningRate: 0.1, milestones: [], warmupSteps: 0)
    let trainer = try TrainingRecipe(MethodChoice(name: method), settings: settings).trainer(
      on: source, groups: groups, imageCount: source.imageCount)
    try trainer.run()
    return trainer.head
  }

  private static func calibrated(_ head: LinearHead, _ name: String, on source: LabelledMapSet) throws -> LinearHead {
    let trains = CalibrationMethod.named(name)?.parameters.contains { $0.name == "epochs" } == true
    return try CalibrationRecipe(MethodChoice(name: name, parameters: trains ? ["epochs": "1"] : [:]))
      .calibrate(head, on: source)
  }

  /// Every calibration of a dense softmax head gives a dense head for as many anchors.
  @Test(arguments: CalibrationMethod.all.map(\.name).filter { !["competition", "ncm"].contains($0) })
  func softmaxHeadsAreCalibrated(name: String) throws {
    try Self.withSource { source, groups in
      let head = try Self.head("softmax", on: source, groups)
      let result = try Self.calibrated(head, name, on: source)
      #expect(result.layout.anchorsPerLocation == 2 && result.method == "softmax+\(name)")
      #expect(result.weight != head.weight || result.bias != head.bias || result.layout.name != head.layout.name)
    }
  }

  @Test func cosinesAreRefused() throws {
    try Self.withSource { source, groups in
      let head = try Self.head("softmax", on: source, groups)
      let error = #expect(throws: LinearHeadError.self) { try Self.calibrated(head, "ncm", on: source) }
      #expect(error?.description.contains("cosines") == true)
    }
  }

  /// A sigmoid for each class: what needs one softmax says so; cRT and tail fine-tuning go on with focal loss.
  @Test(arguments: CalibrationMethod.all.map(\.name))
  func sigmoidHeadsAreCalibratedOrRefused(name: String) throws {
    try Self.withSource { source, groups in
      let head = try Self.head("focal", on: source, groups)
      let refused = ["tau-norm-select", "norcal", "logn", "ncm", "lws"]
      do {
        let result = try Self.calibrated(head, name, on: source)
        #expect(!refused.contains(name))
        #expect(result.layout.anchorsPerLocation == 2)
        #expect(result.layout.classCount == groups.classCount)
      } catch let error as LinearHeadError {
        #expect(refused.contains(name) && error.description.contains("softmax"))
      }
    }
  }

  /// With one anchor a location, locations are RoIs whose features are patches: the same numbers come of both.
  @Test func formulasLookAtPatchesAsAtRoIs() throws {
    let name = "logn"
    try Self.withSource(anchorCount: 1) { source, groups in
      var (features, labels, counts): ([Float], [Int32], [Int]) = ([], [], [])
      for image in 0..<source.imageCount {
        for row in source.rows(ofImage: image) {
          var patch = [Float](repeating: 0, count: source.featureCount)
          try source.copyFeatures(rows: row..<row + 1, into: &patch)
          features += patch
          labels.append(max(-1, source.classIndex(ofRow: row)))
        }
        counts.append(source.rows(ofImage: image).count)
      }
      let rois = RoIArrays(features: features, featureCount: source.featureCount, labels: labels, roisPerImage: counts)
      let dense = try Self.head("softmax", on: source, groups)
      let onMaps = try Self.calibrated(dense, name, on: source)
      let onRoIs = try CalibrationRecipe(MethodChoice(name: name)).calibrate(#require(dense.anchor(0)), on: rois)
      #expect(onMaps.weight.storage.count == onRoIs.weight.storage.count)
      for (a, b) in zip(onMaps.weight.storage + onMaps.bias, onRoIs.weight.storage + onRoIs.bias) {
        #expect(abs(a - b) <= 1e-5 * max(1, abs(b)))
      }
    }
  }

  /// The scales of LWS are shared by the anchors, and the rows below stay as they are.
  @Test func weightScalingLearnsOneScaleAClass() throws {
    try Self.withSource { source, groups in
      let head = try Self.head("softmax", on: source, groups)
      let scaled = try Self.calibrated(head, "lws", on: source)
      let width = groups.classCount + 1
      for row in 0..<width {
        let factors = (0..<2).flatMap { anchor -> [Float] in
          let place = anchor * width + row
          return (0..<head.inputs).map { scaled.weight[place, $0] / head.weight[place, $0] }
        }.filter(\.isFinite)
        let first = try #require(factors.first)
        #expect(factors.allSatisfy { abs($0 - first) < 1e-3 * abs(first) })
      }
    }
  }

  @Test func aHeadForRoIsIsNotTrainedOnMaps() throws {
    try Self.withSource { source, groups in
      var generator = SeededGenerator(seed: 1)
      let head = LinearHead(
        inputs: source.featureCount, layout: SoftmaxLayout(classCount: groups.classCount), groups: groups,
        method: "softmax", using: &generator)
      #expect(throws: LinearHeadError.self) { try Self.calibrated(head, "crt", on: source) }
    }
  }
}
