import DurableFiles
import FeatureSets
import Foundation
import TensorFiles
import TestSupport
import Testing

@Suite struct PooledSetTests {
  @Test(arguments: [TensorElementType.float16, .bfloat16, .float32])
  func readsMapsAsFlattenedRows(elementType: TensorElementType) throws {
    try withTemporaryFolder { folder in
      let faultless = FaultlessSet(imageCount: 5)
      try faultless.writePooled(to: folder, imagesPerShard: 2, as: elementType)
      let set = try FeatureSet(at: folder)
      #expect(set.pooledShape == PooledShape(channels: 4, height: 2, width: 2))
      #expect(set.featureCount == 16 && set.stageCount == 1 && set.roiCount == 60 && set.images.count == 5)
      let expected = faultless.images.flatMap(\.features)
      let tolerance = elementType == .bfloat16 ? 0.01 : elementType == .float16 ? 0.001 : 0
      // Through the boundaries of shards, an image at a time as in streaming.
      var found: [Float] = []
      for image in set.images {
        found += try set.features(rows: image.rows)
        set.releasePages()
      }
      #expect(largestDifference(found, expected) <= tolerance)
      let labels = try #require(try set.labels(categoryIDs: [1, 2, 3, 4, 5]))
      #expect(try LabelledFeatureSet(set, labels: labels).pooledShape == set.pooledShape)
    }
  }

  @Test func isInspectedAndWritten() throws {
    try withTemporaryFolder { folder in
      try FaultlessSet(imageCount: 2).writePooled(to: folder)
      let whole = try FeatureSet(at: folder)
      #expect(whole.pooledShape?.description == "4 × 2 × 2")
      let inspection = try FeatureSetInspection(whole, dataset: FaultlessSet(imageCount: 2).dataset)
      #expect(inspection.pooled == whole.pooledShape && inspection.features == 16)
      let json = String(decoding: try JSONEncoder().encode(inspection), as: UTF8.self)
      #expect(json.contains("\"pooled\":[4,2,2]"))
    }
  }

  @Test func shapesOfOtherRanksAndSizesAreRefused() throws {
    try withTemporaryFolder { folder in
      func write(_ shape: [Int], _ name: String = "a") throws {
        var parts = ShardParts(imageIDs: [name == "a" ? 1 : 2])
        let count = shape.dropFirst().reduce(1, *)
        parts.tensors["features"] = NamedTensor(
          "features", floats: [Float](repeating: 1, count: count), shape: shape, as: .float32)
        try parts.write(to: "\(folder)/\(name).safetensors")
      }
      for shape in [[1], [1, 2, 2, 2, 2], [1, 2, 0, 2]] {
        try write(shape)
        let error = #expect(throws: FeatureSetError.self) { try FeatureSet(at: folder) }
        #expect(error?.description.contains("or [N, C, H, W] for pooled maps, is expected") == true)
      }
      // Maps of another size, and vectors, in a later shard.
      for (shape, words) in [([1, 2, 3, 2], "pooled maps of 2 × 3 × 2"), ([1, 12], "vectors of 12")] {
        try write([1, 3, 2, 2])
        try write(shape, "b")
        let error = #expect(throws: FeatureSetError.self) { try FeatureSet(at: folder) }
        #expect(error?.code == .mixedShards)
        #expect(error?.description.contains("\(words), but pooled maps of 3 × 2 × 2 in ") == true)
      }
    }
  }
}
