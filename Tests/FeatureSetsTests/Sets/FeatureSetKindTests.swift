import DurableFiles
import FeatureSets
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

/// RoIs, queries and whole images, told by the metadata and by what a set holds.
@Suite struct FeatureSetKindTests {
  private func write(_ parts: ShardParts, _ kind: String?, to path: String) throws {
    try writeSafetensors(Array(parts.tensors.values), metadata: kind.map { ["kind": $0] } ?? [:], to: path)
  }

  @Test func kindsAreTold() throws {
    try withTemporaryFolder { folder in
      for (place, kind) in [nil, "rois", "queries"].enumerated() {
        try write(ShardParts(imageIDs: [1, 2]), kind, to: "\(folder)/\(place).safetensors")
        let set = try FeatureSet(at: "\(folder)/\(place).safetensors")
        #expect(set.kind.rawValue == kind ?? "rois" && set.hasBoxes)
        #expect(set.metadata["kind"] == kind)
      }
      var parts = ShardParts(imageIDs: [1, 2], labels: [3, 4])
      parts.tensors["boxes"] = nil
      for kind in [nil, "images"] {
        try write(parts, kind, to: "\(folder)/images.safetensors")
        let set = try FeatureSet(at: "\(folder)/images.safetensors")
        #expect(set.kind == .images && !set.hasBoxes && set.roiCount == 2)
        #expect(try set.labels(categoryIDs: [3, 4])?.classes == [0, 1])
      }
    }
  }

  @Test func otherKindsAreRefused() throws {
    try withTemporaryFolder { folder in
      func error(_ parts: ShardParts, _ kind: String?) throws -> FeatureSetError {
        try write(parts, kind, to: "\(folder)/set.safetensors")
        return try #require(throws: FeatureSetError.self) { try FeatureSet(at: "\(folder)/set.safetensors") }
      }
      let whole = ShardParts(imageIDs: [1])
      var bare = whole
      bare.tensors["boxes"] = nil
      #expect(try error(whole, "query").description.contains("kind 'query'; rois, queries, images are known"))
      #expect(try error(bare, "queries").description.contains("queries have boxes [N, 4]"))
      #expect(try error(whole, "images").code == .kind)

      try makeFolder(at: "\(folder)/both")
      try write(whole, "queries", to: "\(folder)/both/1.safetensors")
      try write(ShardParts(imageIDs: [2]), "rois", to: "\(folder)/both/2.safetensors")
      let mixed = try #require(throws: FeatureSetError.self) { try FeatureSet(at: "\(folder)/both") }
      #expect(mixed.code == .mixedShards && mixed.description.contains("holds rois"))
    }
  }

  @Test func labelsOfQueriesAndImages() throws {
    try withTemporaryFolder { folder in
      func annotation(_ image: Int, _ category: Int) -> LVISAnnotation {
        LVISAnnotation(
          id: 10 * image + category, imageID: image, categoryID: category,
          box: BoundingBox(x: 0, y: 0, width: 2, height: 4))
      }
      var dataset = LVISDataset(
        images: [1, 2].map { LVISImage(id: $0, width: 9, height: 9) },
        categories: [3, 4].map { LVISCategory(id: $0, name: "\($0)", frequency: .common) },
        annotations: [annotation(1, 4), annotation(2, 3), annotation(2, 3)])
      let parts = ShardParts(imageIDs: [1, 1, 2])
      try write(parts, "queries", to: "\(folder)/q.safetensors")
      let queries = try #require(throws: FeatureSetError.self) {
        try FeatureSet(at: "\(folder)/q.safetensors").labels(assignedFrom: dataset)
      }
      #expect(queries.code == .label && queries.description.contains("one to one"))

      var bare = parts
      bare.tensors["boxes"] = nil
      try write(bare, nil, to: "\(folder)/i.safetensors")
      let images = try FeatureSet(at: "\(folder)/i.safetensors")
      #expect(try images.labels(assignedFrom: dataset).classes == [1, 1, 0])
      dataset.annotations.append(annotation(1, 3))
      let several = try #require(throws: FeatureSetError.self) { try images.labels(assignedFrom: dataset) }
      #expect(several.description.contains("image 1 has 2 categories"))
    }
  }
}
