import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadInference
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

/// The pass against a plain implementation: every score computed, every box decoded, all candidates sorted.
@Suite struct DetectionPassTests {
  enum Deltas: CaseIterable { case none, classAgnostic, perClass }

  static let classCount = 40
  static let inputs = 12

  static func groups() throws -> CategoryGroups {
    let indices = Array(0..<classCount)
    return try CategoryGroups(instances: indices.map { 2 * $0 * $0 }, ids: indices.map { 3 * $0 + 2 })
  }

  static func head(_ layout: any LogitLayout, seed: UInt64, deviation: Double = 1) throws -> LinearHead {
    var generator = SeededGenerator(seed: seed)
    return LinearHead(
      inputs: inputs, layout: layout, groups: try groups(), method: "test", deviation: deviation, using: &generator)
  }

  /// Images of 1 to 400 RoIs, their proposals crowded, so that suppression has work.
  static func writeSet(to folder: String, deltas: Deltas, seed: UInt64, shardByteCount: Int = 6000) throws
    -> LVISDataset
  {
    var generator = SeededGenerator(seed: seed)
    func uniform(_ range: ClosedRange<Float>) -> Float { Float.random(in: range, using: &generator) }
    let writer = try FeatureSetWriter(
      at: folder, featureCount: inputs, elementType: .float32, shardByteCount: shardByteCount)
    var images: [LVISImage] = []
    for (id, count) in [(4, 1), (5, 37), (9, 400), (12, 0), (13, 3), (20, 130)] {
      let boxes = (0..<count).flatMap { _ in
        let (x, y) = (uniform(-5...90), uniform(-5...70))
        return [x, y, x + uniform(0...30), y + uniform(0...30)]
      }
      let width = deltas == .perClass ? 4 * classCount : 4
      try writer.append(
        ImageRoIs(
          imageID: id, features: (0..<count * inputs).map { _ in uniform(-1...1) }, boxes: boxes,
          columns: deltas == .none ? [:] : [.boxDeltas: (0..<count * width).map { _ in uniform(-0.3...0.3) }]))
      images.append(LVISImage(id: id, width: 100, height: 80))
    }
    try writer.finish()
    return LVISDataset(images: images, categories: [], annotations: [])
  }

  /// One score at a time, in the order in which torch's `nonzero` lists them.
  static func plainDetections(
    _ set: FeatureSet, _ head: LinearHead, settings: DetectionSettings, clips: Bool
  ) throws -> [Detection] {
    var all: [Detection] = []
    for image in set.images {
      let features = Matrix(rows: image.rows.count, columns: inputs, values: try set.features(rows: image.rows))
      let scores = head.scores(for: features)
      let proposals = try set.boxes(rows: image.rows)
      let deltas = try set.values(.boxDeltas, rows: image.rows)
      let width = set.width(of: .boxDeltas) ?? 0
      var candidates: (boxes: [CornerBox], scores: [Float], classes: [Int]) = ([], [], [])
      for row in 0..<image.rows.count {
        for index in 0..<classCount where scores[row, index] > settings.scoreThreshold {
          var box = CornerBox(
            proposals[4 * row], proposals[4 * row + 1], proposals[4 * row + 2], proposals[4 * row + 3])
          if let deltas {
            let start = row * width + (width == 4 ? 0 : 4 * index)
            box = settings.boxCoder.decode(SIMD4(deltas[start..<start + 4]), from: box)
          }
          if clips { box = settings.boxCoder.clip(box, width: 100, height: 80) }
          candidates.boxes.append(box)
          candidates.scores.append(scores[row, index])
          candidates.classes.append(index)
        }
      }
      let kept = nonMaximumSuppression(
        boxes: candidates.boxes, scores: candidates.scores, classes: candidates.classes,
        threshold: settings.suppressionIoU)
      all += kept.prefix(settings.maximumPerImage).map {
        Detection(
          imageID: image.id, categoryID: head.groups.members[candidates.classes[$0]].id,
          box: BoundingBox(candidates.boxes[$0]), score: Double(candidates.scores[$0]))
      }
    }
    return all
  }

  /// The same detections in the same order; scores to 1e-6, since products of other shapes round otherwise.
  static func expectSame(_ found: [Detection], _ expected: [Detection], _ comment: Comment) {
    #expect(found.count == expected.count, comment)
    for (found, expected) in zip(found, expected) {
      #expect(found.imageID == expected.imageID && found.categoryID == expected.categoryID, comment)
      #expect(found.box == expected.box && abs(found.score - expected.score) < 1e-6, comment)
    }
  }

  static func layouts() throws -> [any LogitLayout] {
    let groups = try groups()
    return [
      SoftmaxLayout(classCount: classCount), GroupedLayout(groups: groups),
      GroupedLayout(groups: groups, background: .official),
    ]
  }

  @Test(arguments: Deltas.allCases) func detectsWhatThePlainWayDetects(deltas: Deltas) throws {
    try withTemporaryFolder { folder in
      let dataset = try Self.writeSet(to: folder, deltas: deltas, seed: 3)
      let set = try FeatureSet(at: folder)
      for layout in try Self.layouts() {
        for (threshold, limit) in [(Float(1e-4), 300), (0.05, 300), (1e-4, 7), (0.01, 40), (0.999, 300)] {
          let settings = DetectionSettings(scoreThreshold: threshold, maximumPerImage: limit)
          let head = try Self.head(layout, seed: 8, deviation: 0.8)
          Self.expectSame(
            try head.detections(for: set, clippingTo: dataset, settings: settings),
            try Self.plainDetections(set, head, settings: settings, clips: true),
            "\(layout.name), \(deltas), above \(threshold), \(limit) an image")
        }
      }
    }
  }

  /// Background scores far apart, so that most RoIs of a grouped head are never scored.
  @Test func stoppingEarlyChangesNothing() throws {
    try withTemporaryFolder { folder in
      let dataset = try Self.writeSet(to: folder, deltas: .classAgnostic, seed: 5)
      let set = try FeatureSet(at: folder)
      for background in GroupedLayout.Background.allCases {
        var head = try Self.head(GroupedLayout(groups: try Self.groups(), background: background), seed: 2)
        for row in head.layout.backgroundLogits {
          for column in 0..<Self.inputs { head.weight[row, column] *= 5 }
        }
        for limit in [1, 5, 20, 60] {
          let settings = DetectionSettings(maximumPerImage: limit)
          Self.expectSame(
            try head.detections(for: set, clippingTo: dataset, settings: settings),
            try Self.plainDetections(set, head, settings: settings, clips: true), "\(background), \(limit) an image")
        }
      }
    }
  }

  /// Of an image with 400 RoIs a grouped head needs some only, where few detections are wanted; softmax needs all.
  @Test func countsTheRoIsThatWereScored() throws {
    try withTemporaryFolder { folder in
      let dataset = try Self.writeSet(to: folder, deltas: .classAgnostic, seed: 5)
      let set = try FeatureSet(at: folder)
      func scored(_ layout: any LogitLayout, limit: Int) throws -> [Int] {
        let pass = try DetectionPass(
          features: set, scorer: try Self.head(layout, seed: 2), clippingTo: dataset,
          settings: DetectionSettings(maximumPerImage: limit))
        var counts: [Int] = []
        try pass.forEachImage(\.scoredCount) { counts.append($0) }
        return counts
      }
      let all = set.images.map(\.rows.count)
      #expect(try scored(SoftmaxLayout(classCount: Self.classCount), limit: 5) == all)
      let some = try scored(GroupedLayout(groups: try Self.groups()), limit: 5)
      #expect(zip(some, all).allSatisfy { $0 <= $1 })
      #expect(some.reduce(0, +) < all.reduce(0, +) / 2)
    }
  }

  @Test func threadsDoNotChangeAnything() throws {
    try withTemporaryFolder { folder in
      _ = try Self.writeSet(to: folder, deltas: .classAgnostic, seed: 7)
      let set = try FeatureSet(at: folder)
      let head = try Self.head(GroupedLayout(groups: try Self.groups()), seed: 4)
      let expected = try head.detections(for: set, settings: DetectionSettings(threads: 1))
      #expect(expected.count > 100)
      for threads in [2, 3, 16] {
        #expect(try head.detections(for: set, settings: DetectionSettings(threads: threads)) == expected)
      }
    }
  }

  @Test func unknownSizesAreNotClippedTo() throws {
    try withTemporaryFolder { folder in
      var dataset = try Self.writeSet(to: folder, deltas: .none, seed: 9)
      for index in dataset.images.indices { dataset.images[index].width = 0 }
      let set = try FeatureSet(at: folder)
      let head = try Self.head(SoftmaxLayout(classCount: Self.classCount), seed: 4)
      let pass = try DetectionPass(features: set, scorer: head, clippingTo: dataset)
      #expect(pass.unclippedImageCount == 5)
      Self.expectSame(
        try head.detections(for: set, clippingTo: dataset),
        try Self.plainDetections(set, head, settings: DetectionSettings(), clips: false), "not clipped")
    }
  }

  @Test func refusesWhatDoesNotFit() throws {
    try withTemporaryFolder { folder in
      var dataset = try Self.writeSet(to: folder, deltas: .classAgnostic, seed: 1)
      let set = try FeatureSet(at: folder)
      var generator = SeededGenerator(seed: 1)
      let groups = try Self.groups()
      let narrow = LinearHead(
        inputs: 11, layout: SoftmaxLayout(classCount: Self.classCount), groups: groups, method: "", using: &generator)
      #expect(try #require(throws: FeatureSetError.self) { try narrow.detections(for: set) }.tensor == "features")
      let head = try Self.head(SoftmaxLayout(classCount: Self.classCount), seed: 4)
      dataset.images.removeLast()
      let error = try #require(throws: FeatureSetError.self) { try head.detections(for: set, clippingTo: dataset) }
      #expect(error.code == .image && error.description.contains("image 20"))
    }
    try withTemporaryFolder { folder in
      try ShardParts(imageIDs: [1]).with("box_deltas", [Float](repeating: 0, count: 8), shape: [1, 8])
        .write(to: "\(folder)/a.safetensors")
      let set = try FeatureSet(at: folder)
      var generator = SeededGenerator(seed: 1)
      let head = LinearHead(
        inputs: 3, layout: SoftmaxLayout(classCount: Self.classCount), groups: try Self.groups(), method: "",
        using: &generator)
      #expect(try #require(throws: FeatureSetError.self) { try head.detections(for: set) }.tensor == "box_deltas")
    }
  }

  /// The first fault in the set's order, whatever thread finds one first.
  @Test(arguments: ["features", "box_deltas"]) func namesTheFirstRowThatIsNotFinite(tensor: String) throws {
    try withTemporaryFolder { folder in
      let width = tensor == "features" ? 3 : 4
      let ids = (0..<60).flatMap { [Int64](repeating: $0, count: 100) }
      var values = [Float](repeating: 0.1, count: ids.count * width)
      for row in [5321, 2345, 5999] { values[row * width + 1] = .nan }
      try ShardParts(imageIDs: ids).with(tensor, values, shape: [ids.count, width])
        .write(to: "\(folder)/a.safetensors")
      let set = try FeatureSet(at: folder)
      var generator = SeededGenerator(seed: 1)
      let head = LinearHead(
        inputs: 3, layout: SoftmaxLayout(classCount: Self.classCount), groups: try Self.groups(), method: "",
        using: &generator)
      let settings = DetectionSettings(suppressionIoU: 1, maximumPerImage: 10_000, threads: 2)
      let error = try #require(throws: FeatureSetError.self) { try head.detections(for: set, settings: settings) }
      #expect(error.code == .notFinite && error.tensor == tensor && error.row == 2345)
    }
  }
}

extension ShardParts {
  func with(_ name: String, _ values: [Float], shape: [Int]) -> ShardParts {
    var parts = self
    parts.tensors[name] = NamedTensor(name, floats: values, shape: shape)
    return parts
  }
}
