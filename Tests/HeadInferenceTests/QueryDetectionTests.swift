import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadInference
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

/// Queries against what DETR and Deformable DETR do with their logits, written out plainly.
@Suite struct QueryDetectionTests {
  private static let classCount = DetectionPassTests.classCount

  /// Images of 30 queries; boxes reach beyond the image, and some are the same.
  private func writeSet(to folder: String, metadata: [String: String], columns: Bool = false) throws {
    var generator = SeededGenerator(seed: 6)
    let writer = try FeatureSetWriter(
      at: folder, featureCount: DetectionPassTests.inputs, elementType: .float32,
      metadata: metadata.merging(["kind": "queries"]) { $1 })
    for id in [3, 8, 11] {
      let boxes = (0..<30).flatMap { query -> [Float] in
        if query % 5 == 4 { return [1, 2, 30, 40] }
        let (x, y) = (Float.random(in: -20...90, using: &generator), Float.random(in: -20...70, using: &generator))
        return [x, y, x + 25, y + 25]
      }
      try writer.append(
        ImageRoIs(
          imageID: id,
          features: (0..<30 * DetectionPassTests.inputs).map { _ in Float.random(in: -1...1, using: &generator) },
          boxes: boxes, columns: columns ? [.boxDeltas: [Float](repeating: 0, count: 120)] : [:]))
    }
    try writer.finish()
  }

  private var dataset: LVISDataset {
    LVISDataset(
      images: [3, 8, 11].map { LVISImage(id: $0, width: 50, height: 50) }, categories: [], annotations: [])
  }

  /// `torch.topk` over queries × classes, or `max` over the classes of each query.
  private func plain(
    _ set: FeatureSet, _ head: LinearHead, isBest: Bool, above threshold: Float, limit: Int
  ) throws -> [Detection] {
    var all: [Detection] = []
    for image in set.images {
      let scores = head.scores(
        for: Matrix(
          rows: image.rows.count, columns: DetectionPassTests.inputs, values: try set.features(rows: image.rows)))
      let boxes = try set.boxes(rows: image.rows)
      var found: [(score: Float, row: Int, classIndex: Int)] = []
      for row in 0..<image.rows.count {
        let ofQuery = (0..<Self.classCount).map { (score: scores[row, $0], row: row, classIndex: $0) }
        let best = ofQuery.reduce(ofQuery[0]) { $1.score > $0.score ? $1 : $0 }
        found += (isBest ? [best] : ofQuery).filter { $0.score > threshold }
      }
      found.sort { ($1.score, $0.row, $0.classIndex) < ($0.score, $1.row, $1.classIndex) }
      all += found.prefix(limit).map { one in
        let box = boxes[4 * one.row..<4 * one.row + 4].map { $0 }
        return Detection(
          imageID: image.id, categoryID: head.groups.members[one.classIndex].id,
          box: BoundingBox(CornerBox(box[0], box[1], box[2], box[3])), score: Double(one.score))
      }
    }
    return all
  }

  private func heads() throws -> [LinearHead] {
    let groups = try DetectionPassTests.groups()
    let layouts: [any LogitLayout] = [
      SoftmaxLayout(classCount: Self.classCount), SigmoidLayout(classCount: Self.classCount),
      GroupedLayout(groups: groups),
    ]
    return try layouts.map { try DetectionPassTests.head($0, seed: 8, deviation: 0.8) }
  }

  struct Rules: Sendable {
    var metadata: [String: String] = [:]
    var isBest = false
    var threshold: Float = 0
    var limit = 300
  }

  @Test(arguments: [
    Rules(), Rules(metadata: ["per_query": "best", "max_detections": "30"], isBest: true, limit: 30),
    Rules(metadata: ["max_detections": "100"], limit: 100),
    Rules(metadata: ["per_query": "all", "score_threshold": "0.05"], threshold: 0.05),
  ])
  func doAsTheirSetSays(rules: Rules) throws {
    try withTemporaryFolder { folder in
      try writeSet(to: folder, metadata: rules.metadata)
      let set = try FeatureSet(at: folder)
      for head in try heads() {
        let expected = try plain(set, head, isBest: rules.isBest, above: rules.threshold, limit: rules.limit)
        // Neither clipped nor suppressed, whatever holds for RoIs.
        let settings = DetectionSettings(scoreThreshold: 0.5, suppressionIoU: 0, maximumPerImage: 1)
        for threads in [1, 3] {
          var settings = settings
          settings.threads = threads
          DetectionPassTests.expectSame(
            try head.detections(for: set, clippingTo: dataset, settings: settings), expected, "\(head.layout.name)")
        }
      }
    }
  }

  @Test func optionsTakePrecedence() throws {
    try withTemporaryFolder { folder in
      try writeSet(to: folder, metadata: ["per_query": "best", "max_detections": "7", "score_threshold": "0.9"])
      let set = try FeatureSet(at: folder)
      let head = try heads()[1]
      var settings = DetectionSettings()
      settings.queries = QueryDetectionSettings(classes: .all, scoreThreshold: 0.1, maximumPerImage: 12)
      DetectionPassTests.expectSame(
        try head.detections(for: set, settings: settings),
        try plain(set, head, isBest: false, above: 0.1, limit: 12), "stated")
      // Suppression where it is asked for: of the same boxes of a class one stays.
      settings.queries = QueryDetectionSettings(
        classes: .all, scoreThreshold: 0, suppressionIoU: 0.99, maximumPerImage: 10_000)
      let kept = try head.detections(for: set, settings: settings)
      #expect(kept.count == 3 * Self.classCount * (24 + 1))
    }
  }

  @Test(arguments: ["per_query", "score_threshold", "nms_iou", "max_detections"])
  func metadataWithoutSenseIsRefused(key: String) throws {
    try withTemporaryFolder { folder in
      try writeSet(to: folder, metadata: [key: "-3"])
      let head = try heads()[0]
      let error = try #require(throws: FeatureSetError.self) { try head.detections(for: FeatureSet(at: folder)) }
      #expect(error.code == .metadata && error.description.contains("\(key) '-3'"))
    }
  }

  @Test func boxDeltasAreRefused() throws {
    try withTemporaryFolder { folder in
      try writeSet(to: folder, metadata: [:], columns: true)
      let head = try heads()[0]
      let error = try #require(throws: FeatureSetError.self) { try head.detections(for: FeatureSet(at: folder)) }
      #expect(error.code == .kind && error.description.contains("the boxes of queries are final"))
    }
  }

  @Test func classScoresOfWholeImages() throws {
    try withTemporaryFolder { folder in
      var parts = ShardParts(imageIDs: (0..<700).map { Int64($0 / 2) })
      parts.tensors["boxes"] = nil
      try parts.write(to: "\(folder)/a.safetensors")
      let set = try FeatureSet(at: "\(folder)/a.safetensors")
      var generator = SeededGenerator(seed: 1)
      let head = LinearHead(
        inputs: 3, layout: SoftmaxLayout(classCount: Self.classCount), groups: try DetectionPassTests.groups(),
        method: "", using: &generator)
      let error = try #require(throws: FeatureSetError.self) { try head.detections(for: set) }
      #expect(error.description.contains("whole images, which have no detections, only scores"))
      let expected = head.scores(for: Matrix(rows: 700, columns: 3, values: try set.features(rows: 0..<700)))
      for threads in [1, 4] {
        var (ids, values): ([Int], [Float]) = ([], [])
        try ClassScorePass(features: set, scorer: head, threads: threads).forEachBlock {
          $0
        } deliver: {
          ids += $0.imageIDs
          values += $0.values
        }
        #expect(ids == (0..<700).map { $0 / 2 })
        #expect(largestDifference(values, expected.storage) < 1e-6)
      }
    }
  }
}
