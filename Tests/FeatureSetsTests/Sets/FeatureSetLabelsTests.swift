import FeatureSets
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

@Suite struct FeatureSetLabelsTests {
  func labels(_ labels: [Int64], categoryIDs: [Int]) throws -> [Int32] {
    try withTemporaryFolder { folder in
      try ShardParts(imageIDs: labels.map { _ in 1 }, labels: labels).write(to: "\(folder)/a.safetensors")
      let result = try #require(try FeatureSet(at: folder).labels(categoryIDs: categoryIDs))
      #expect(result.classCount == categoryIDs.count)
      return result.classes
    }
  }

  @Test func labelsBecomeClassIndices() throws {
    #expect(try labels([3, -1, 0, 70, 5], categoryIDs: [3, 5, 70]) == [0, -1, -1, 2, 1])
    // With a category 0 only −1 is background.
    #expect(try labels([0, -1, 2], categoryIDs: [0, 2]) == [0, -1, 1])
    // Ids too far apart for a table.
    let far = [-5_000_000_000, 7, 9_000_000_000]
    #expect(try labels([9_000_000_000, -5_000_000_000, 7, -1], categoryIDs: far) == [2, 0, 1, -1])
  }

  @Test func unknownLabelsAreErrors() throws {
    for (unknown, ids) in [(4, [3, 5]), (6, [3, 5]), (-2, [3, 5]), (Int.max, [0, 1]), (Int.min, [-1, 5]), (1, [])] {
      let error = try #require(throws: FeatureSetError.self) {
        try labels([Int64(ids.first ?? 0), Int64(unknown)], categoryIDs: ids)
      }
      #expect(error.code == .label && error.tensor == "labels" && error.row == 1)
    }
  }

  @Test func noLabelsIsNil() throws {
    try withTemporaryFolder { folder in
      try ShardParts(imageIDs: [1]).write(to: "\(folder)/a.safetensors")
      #expect(try FeatureSet(at: folder).labels(categoryIDs: [1]) == nil)
    }
  }

  /// RoI r has the box (r, r, r + 2, r + 4).
  @Test func assignsTheAnnotationThatOverlapsMost() throws {
    func object(_ id: Int, _ category: Int, _ x: Double, _ y: Double, _ w: Double, _ h: Double, crowd: Bool = false)
      -> LVISAnnotation
    {
      LVISAnnotation(
        id: id, imageID: 1, categoryID: category, box: BoundingBox(x: x, y: y, width: w, height: h), isCrowd: crowd)
    }
    try withTemporaryFolder { folder in
      try ShardParts(imageIDs: [1, 1, 1, 1, 1, 2]).write(to: "\(folder)/a.safetensors")
      let set = try FeatureSet(at: folder)
      var dataset = LVISDataset(
        images: [LVISImage(id: 1, width: 20, height: 20), LVISImage(id: 2, width: 20, height: 20)],
        categories: [LVISCategory(id: 8, name: "b"), LVISCategory(id: 3, name: "a"), LVISCategory(id: 9, name: "c")],
        annotations: [
          object(1, 8, 0, 0, 2, 2),  // IoU exactly .5 with row 0
          object(2, 9, 2, 2, 2, 4), object(3, 3, 2, 2, 2, 4),  // equal for row 2: the first counts
          object(4, 3, 3, 3, 2, 3), object(5, 9, 3, 3, 2, 3.5),  // the second overlaps row 3 more
          object(6, 3, 4, 4, 2, 4, crowd: true), object(7, 3, 4, 4, 0, 4),
        ])
      #expect(try set.labels(assignedFrom: dataset).classes == [1, -1, 2, 2, -1, -1])
      #expect(try set.labels(assignedFrom: dataset, threshold: 0.51).classes == [-1, -1, 2, 2, -1, -1])
      dataset.images.removeLast()
      let error = try #require(throws: FeatureSetError.self) { try set.labels(assignedFrom: dataset) }
      #expect(error.code == .image && error.row == 5 && error.tensor == "image_ids")
    }
  }
}
