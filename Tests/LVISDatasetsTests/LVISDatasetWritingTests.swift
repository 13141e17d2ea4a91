import Foundation
import LVISDatasets
import TestSupport
import Testing

@Suite struct LVISDatasetWritingTests {
  private static var dataset: LVISDataset {
    var masks = SegmentationColumns()
    masks.append(.polygons([[0.1, 2, 30.25, 4, 5, 6e-7]]))
    masks.append(.runLengths(height: 4, width: 3, counts: [2, 5, 5]))
    masks.append(.compressed(height: 4, width: 3, counts: Array("PP\\Q\"1".utf8)))
    masks.append(nil)
    return LVISDataset(
      images: [
        LVISImage(id: 5, width: 640, height: 480, negativeCategoryIDs: [2, 9], notExhaustiveCategoryIDs: []),
        LVISImage(id: -3, width: 10, height: 20),
      ],
      categories: [
        LVISCategory(
          id: 2, name: "a \"quoted\" \\ name\n\u{1} – café", frequency: .common, statedInstanceCount: 12,
          statedImageCount: 11),
        LVISCategory(id: 9, name: "plain"),
      ],
      annotations: [
        LVISAnnotation(
          id: 1, imageID: 5, categoryID: 2, box: BoundingBox(x: 0.1, y: 1 / 3.0, width: 20, height: 1e-9), area: 7.5),
        LVISAnnotation(
          id: 2, imageID: 5, categoryID: 9, box: BoundingBox(x: 1, y: 2, width: 3, height: 4), isCrowd: true),
        LVISAnnotation(
          id: 4, imageID: -3, categoryID: 9, box: BoundingBox(x: 1e20, y: 2, width: 3, height: 4), isIgnored: true),
        LVISAnnotation(id: 3, imageID: -3, categoryID: 2, box: BoundingBox(x: 0, y: 0, width: 3, height: 4)),
      ], segmentations: masks)
  }

  @Test func everythingReadsBackAsItWas() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/annotations.json"
      let written = Self.dataset
      try written.write(to: path, description: "a \"test\"")
      let read = try LVISDataset(contentsOf: path, including: [.boxes, .segmentations])
      #expect(read.images.map(\.id) == [-3, 5] && read.images.map(\.width) == [10, 640])
      #expect(read.images.map(\.negativeCategoryIDs) == [nil, [2, 9]])
      #expect(read.images.map(\.notExhaustiveCategoryIDs) == [nil, []])
      #expect(read.categories.map(\.name) == written.categories.map(\.name))
      #expect(read.categories.map(\.frequency) == [.common, nil])
      #expect(read.categories.map(\.statedInstanceCount) == [12, nil])
      #expect(read.categories.map(\.statedImageCount) == [11, nil])
      #expect(read.annotations.map(\.id) == [1, 2, 4, 3])
      #expect(read.annotations.map(\.box) == written.annotations.map(\.box))
      #expect(read.annotations.map(\.area) == written.annotations.map(\.area))
      #expect(read.annotations.map(\.isCrowd) == [false, true, false, false])
      #expect(read.annotations.map(\.isIgnored) == [false, false, true, false])
      let masks = try #require(written.segmentations)
      for index in 0..<4 { #expect(read.segmentations?[index] == masks[index]) }
    }
  }

  @Test func foundationReadsTheSameJSON() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/annotations.json"
      try Self.dataset.write(to: path, description: "x")
      let object = try jsonObject(at: path)
      #expect((object["info"] as? [String: String]) == ["description": "x"])
      let categories = try #require(object["categories"] as? [[String: Any]])
      #expect(categories.first?["name"] as? String == Self.dataset.categories.first?.name)
      let annotations = try #require(object["annotations"] as? [[String: Any]])
      #expect(annotations.map { $0["iscrowd"] as? Int } == [nil, 1, nil, nil])
      #expect((annotations[1]["bbox"] as? [Int]) == [1, 2, 3, 4])
    }
  }

  @Test func emptyDataSetIsAFileToo() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/empty.json"
      try LVISDataset(images: [], categories: [], annotations: []).write(to: path)
      #expect(
        try String(contentsOfFile: path, encoding: .utf8)
          == "{\"images\":[],\n\"categories\":[],\n\"annotations\":[]}\n")
    }
  }

  @Test func numberWithoutJSONIsRefusedByItsPlace() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/annotations.json"
      var dataset = Self.dataset
      dataset.annotations[2].box.width = .nan
      let error = #expect(throws: DatasetError.self) { try dataset.write(to: path) }
      #expect(error?.place == "annotations[2]")
      let files = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(files.isEmpty)
    }
  }
}
