import FeatureSets
import Foundation
import TensorFiles
import TestSupport
import Testing

@Suite struct FeatureSetWriterTests {
  static func rois(_ id: Int, count: Int) -> ImageRoIs {
    ImageRoIs(
      imageID: id, features: (0..<count * 2).map { Float(id * 100 + $0) },
      boxes: (0..<count).flatMap { [0, 0, Float($0), Float($0 + 1)] }, labels: (0..<count).map { $0 - 1 },
      columns: [
        .boxDeltas: (0..<count * 4).map { Float($0) / 3 }, .ious: (0..<count).map { 1 / Float($0 + 1) },
      ])
  }

  @Test func readsBackWhatItWrote() throws {
    try withTemporaryFolder { folder in
      let counts = [4, 0, 7, 1, 5]
      // Room for 6 RoIs a shard: images are not torn apart, so the shards hold 11 (4, 0, 7) and 6.
      let writer = try FeatureSetWriter(at: "\(folder)/set", featureCount: 2, shardByteCount: 24, metadata: ["a": "b"])
      for (index, count) in counts.enumerated() { try writer.append(Self.rois(index + 1, count: count)) }
      try writer.finish()
      let shards = try FileManager.default.contentsOfDirectory(atPath: "\(folder)/set").sorted()
      #expect(shards == ["shard-00000.safetensors", "shard-00001.safetensors"])
      #expect(try SafetensorsFile(at: "\(folder)/set/\(shards[0])").metadata == ["a": "b"])
      let set = try FeatureSet(at: "\(folder)/set")
      #expect(set.elementType == .float16)
      #expect(set.images.map(\.id) == [1, 3, 4, 5])
      for image in set.images {
        let expected = Self.rois(image.id, count: image.rows.count)
        #expect(image.rows.count == counts[image.id - 1])
        #expect(try set.features(rows: image.rows) == expected.features)
        #expect(try set.boxes(rows: image.rows) == expected.boxes)
        #expect(try set.values(.boxDeltas, rows: image.rows) == expected.columns[.boxDeltas])
        #expect(try set.values(.ious, rows: image.rows) == expected.columns[.ious])
        #expect(try set.values(.objectness, rows: image.rows) == nil)
      }
      #expect(try set.labels(categoryIDs: Array(0...6))?.classes.prefix(6) == [-1, 0, 1, 2, -1, 0])
    }
  }

  @Test func refusesWhatDoesNotFit() throws {
    try withTemporaryFolder { folder in
      let writer = try FeatureSetWriter(at: folder, featureCount: 2)
      try writer.append(Self.rois(5, count: 3))
      let misfits: [(inout ImageRoIs) -> Void] = [
        { $0.imageID = 4 }, { $0.features.removeLast() }, { $0.boxes.removeLast() }, { $0.labels = nil },
        { $0.labels = [1] }, { $0.columns[.ious] = nil }, { $0.columns[.boxDeltas]?.removeLast() },
        { $0.columns[.objectness] = [1, 2, 3] },
      ]
      for misfit in misfits {
        var rois = Self.rois(5, count: 3)
        misfit(&rois)
        let error = try #require(throws: FeatureSetError.self) { try writer.append(rois) }
        #expect(error.code == .writing)
      }
      try writer.finish()
      #expect(try FeatureSet(at: folder).roiCount == 3)
      #expect(throws: FeatureSetError.self) { try FeatureSetWriter(at: folder, featureCount: 2) }
      #expect(throws: FeatureSetError.self) { try FeatureSetWriter(at: "\(folder)/x", featureCount: 0) }
    }
  }
}
