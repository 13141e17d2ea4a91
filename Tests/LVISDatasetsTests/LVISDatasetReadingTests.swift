import DurableFiles
import Foundation
import LVISDatasets
import TestSupport
import Testing

/// Reads a text as if it stood in a file.
private func dataset(_ json: String, including contents: LVISDataset.Contents = .boxes) throws -> LVISDataset {
  try withTemporaryFolder { folder in
    let path = "\(folder)/a.json"
    try Data(json.utf8).write(to: URL(fileURLWithPath: path))
    return try LVISDataset(contentsOf: path, including: contents)
  }
}

/// The fault found in a text, without the path before it; `nil` where there is none.
private func fault(_ json: String, including contents: LVISDataset.Contents = .boxes) throws -> String? {
  do {
    _ = try dataset(json, including: contents)
    return nil
  } catch let error as DatasetError {
    return try #require(error.description.split(separator: "a.json: ", maxSplits: 1).last).description
  }
}

private func annotated(_ annotation: String) -> String {
  #"{"images": [{"id": 7, "width": 4, "height": 3}], "categories": [{"id": 2, "name": "b"}], "annotations": [\#(annotation)]}"#
}

@Suite struct LVISDatasetReadingTests {
  @Test func readsEveryField() throws {
    let dataset = try dataset(
      #"""
      {"info": {"x": ["]}", "\"]", {}]}, "annotations": [
        {"id": 5, "image_id": 9, "category_id": -3, "bbox": [1.5, 2, 3e1, 4.25], "area": 12.5, "iscrowd": 0,
         "segmentation": [[1, 2, 3, 4, 5, 6.5], [0.1, 0.2, 0.3, 0.4]]},
        {"segmentation": {"size": [3, 4], "counts": [2, 10]}, "bbox": [0, 0, 2, 3], "category_id": 40, "image_id": 9.0,
         "id": 6, "iscrowd": 1, "ignore": true, "unknown": [{"bbox": 1}, {"id": 2}]},
        {"segmentation": {"counts": "a\\b\"c", "size": [3, 4]}, "bbox": [0, 0, 2, 3], "category_id": 40, "image_id": 1,
         "id": 8, "area": null}
      ], "licenses": [], "images": [
        {"id": 9, "width": 640, "height": 480, "neg_category_ids": [40], "not_exhaustive_category_ids": []},
        {"id": 1, "width": 10, "height": 20, "neg_category_ids": null}
      ], "categories": [
        {"id": 40, "name": "fish (food)", "frequency": "f", "instance_count": 7, "image_count": 3},
        {"id": -3, "name": "crêpe \u00e9", "frequency": "r"}
      ]}
      """#, including: [.boxes, .segmentations])
    #expect(dataset.images.map(\.id) == [1, 9])
    #expect(dataset.images.map(\.width) == [10, 640])
    #expect(dataset.images[1].negativeCategoryIDs == [40])
    #expect(dataset.images[1].notExhaustiveCategoryIDs == [])
    #expect(dataset.images[0].negativeCategoryIDs == nil)
    #expect(dataset.categories.map(\.id) == [-3, 40])
    #expect(dataset.categories.map(\.name) == ["crêpe é", "fish (food)"])
    #expect(dataset.categories.map(\.frequency) == [.rare, .frequent])
    #expect(dataset.categories.map(\.statedInstanceCount) == [nil, 7])
    #expect(dataset.categories.map(\.statedImageCount) == [nil, 3])
    #expect(dataset.annotations.map(\.id) == [5, 6, 8])
    #expect(dataset.annotations.map(\.imageID) == [9, 9, 1])
    #expect(dataset.annotations.map(\.categoryID) == [-3, 40, 40])
    #expect(dataset.annotations[0].box == BoundingBox(x: 1.5, y: 2, width: 30, height: 4.25))
    #expect(dataset.annotations.map(\.area) == [12.5, 6, 6])
    #expect(dataset.annotations.map(\.isCrowd) == [false, true, false])
    #expect(dataset.annotations.map(\.isIgnored) == [false, true, false])
    let masks = try #require(dataset.segmentations)
    #expect(masks.count == 3)
    #expect(masks[0] == .polygons([[1, 2, 3, 4, 5, 6.5], [0.1, 0.2, 0.3, 0.4]]))
    #expect(masks[1] == .runLengths(height: 3, width: 4, counts: [2, 10]))
    #expect(masks[2] == .compressed(height: 3, width: 4, counts: Array("a\\b\"c".utf8)))
    #expect(
      dataset.warnings.map { $0.inFile(nil) } == [
        .imagesWithoutNegativeCategories(count: 1), .imagesWithoutNotExhaustiveCategories(count: 1),
        .annotationsWithoutArea(count: 2),
      ])
    #expect(dataset.warnings.allSatisfy { $0.file == dataset.path && $0.file != nil })
  }

  @Test(.enabled(if: sharedDataPath("taco.json") != nil)) func readsTACO() throws {
    let dataset = try LVISDataset(contentsOf: #require(sharedDataPath("taco.json")), including: .segmentations)
    #expect(dataset.images.count == 1500)
    #expect(dataset.categories.count == 60)
    #expect(dataset.categories[0].id == 0)
    #expect(dataset.annotations.count == 4784)
    #expect(dataset.duplicateAnnotationIDs == [309, 4040])
    #expect(dataset.warnings.contains { $0.code == .duplicateAnnotationIDs && $0.count == 2 })
  }

  @Test(.enabled(if: sharedDataPath("coco_val2014_100.json") != nil)) func readsCOCO() throws {
    let dataset = try LVISDataset(
      contentsOf: #require(sharedDataPath("coco_val2014_100.json")), including: [.boxes, .segmentations])
    #expect(dataset.categories.count == 80)
    #expect(dataset.categories.last?.id == 90)
    #expect(dataset.annotations.count == 839)
    #expect(dataset.annotations.count(where: \.isCrowd) == 9)
    let masks = try #require(dataset.segmentations)
    for (index, annotation) in dataset.annotations.enumerated() {
      guard case .runLengths(let height, let width, let counts) = masks[index] else {
        #expect(!annotation.isCrowd)
        continue
      }
      #expect(annotation.isCrowd)
      #expect(counts.reduce(0) { $0 + Int($1) } == height * width)
    }
  }

  @Test(arguments: [
    ("", "is empty; download or write it again"),
    ("  ", "the file ends in the middle, after 2 bytes; it was cut short: download or write it again"),
    (
      "[]", "holds a list, but annotations are an object with images, annotations and categories; is it a results file?"
    ),
    ("PK\u{3}\u{4}", "is a zip archive; unpack it first, with unzip"),
    ("x", "not JSON: found x at byte 0, expected “{”"),
    ("{}", "has no list “categories”; an LVIS or COCO annotation file has images, annotations and categories"),
    (#"{"categories": []} x"#, "not JSON: found x at byte 19, expected the end of the file"),
    (#"{"categories": [], "categories": []}"#, "categories: stands twice in the file"),
    (#"{"categories": [1]}"#, "categories[0]: is 1, but must be an object"),
    (#"{"categories": [{"name": "x"}]}"#, "categories[0].id: is missing; it must be an integer"),
    (#"{"categories": [{"id": 1, "name": [4]}]}"#, "categories[0].name: is [4, but must be a string"),
    (
      #"{"categories": [{"id": 1, "instance_count": -4}]}"#,
      "categories[0].instance_count: is -4, but must be 0 or more"
    ),
    (
      #"{"categories": [{"id": 1}, {"id": 2}, {"id": 1}, {"id": 1, "name": "x"}]}"#,
      "categories[3].id: is 1, as is categories[0].id, but the two entries differ; ids must differ: give one of them "
        + "another, and its annotations too"
    ),
    (
      #"{"categories": [], "images": [{"id": 1}, {"id": 1, "file_name": "x"}]}"#,
      "images[1].id: is 1, as is images[0].id, but the two entries differ; ids must differ: give one of them another, "
        + "and its annotations too"
    ),
    (
      #"{"categories": [{"id": 123456789012345678901234567890}]}"#,
      "categories[0].id: is 123456789012345678901234567890, which is out of range for an id, which is below 2^64"
    ),
  ])
  func namesTheFault(json: String, expected: String) throws {
    #expect(try fault(json) == expected)
  }

  @Test(arguments: [
    (
      #"{"image_id": 7, "category_id": 2}"#,
      "annotations[0].bbox: is missing; it must be 4 numbers: [x, y, width, height]"
    ),
    (#"{"category_id": 2, "bbox": [1, 2, 3, 4]}"#, "annotations[0].image_id: is missing; it must be an integer"),
    (
      #"{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3]}"#,
      "annotations[0].bbox: holds 3 numbers, but must hold 4 numbers: [x, y, width, height]"
    ),
    (
      #"{"image_id": 7, "category_id": 2, "bbox": [1, NaN, 3, 4]}"#,
      "annotations[0].bbox[1]: is NaN, but must be a finite number"
    ),
    (
      #"{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, -Infinity]}"#,
      "annotations[0].bbox[3]: is -Infinity, but must be a finite number"
    ),
    (
      #"{"image_id": 7, "category_id": 2, "bbox": [1, 2, 1e999, 4]}"#,
      "annotations[0].bbox[2]: is 1e999, but must be a finite number"
    ),
    (
      #"{"image_id": 7, "category_id": 2, "bbox": [1, "2", 3, 4]}"#,
      #"annotations[0].bbox[1]: is "2", but must be a number"#
    ),
    (#"{"image_id": 7.5, "category_id": 2}"#, "annotations[0].image_id: is 7.5, but must be an integer"),
    (
      #"{"image_id": 8, "category_id": 2, "bbox": [1, 2, 3, 4]}, {"image_id": 9, "category_id": 2, "bbox": [1, 2, 3, 4]}"#,
      "annotations[0].image_id: is 8, which is not among the images; so it is for all 2 annotations; add the images or "
        + "remove the annotations"
    ),
    (
      #"{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4], "segmentation": [[1, 2, 3]]}"#,
      "annotations[0].segmentation[0]: holds 3 numbers, but must hold an even number of coordinates, 4 or more"
    ),
    (
      #"{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4], "segmentation": {"size": [1, 2]}}"#,
      "annotations[0].segmentation.counts: is missing; it must be a string or a list of integers"
    ),
    (
      #"{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4], "segmentation": {"size": [1, 2], "counts": [-1]}}"#,
      "annotations[0].segmentation.counts[0]: is -1, but must be 0 or more"
    ),
    (
      #"{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4], "iscrowd": 2}"#,
      "annotations[0].iscrowd: is 2, which is out of range for 0 or 1"
    ),
  ])
  func namesTheFaultyAnnotation(annotation: String, expected: String) throws {
    #expect(try fault(annotated(annotation), including: [.boxes, .segmentations]) == expected)
  }

  @Test func countsWithoutBoxes() throws {
    let dataset = try dataset(annotated(#"{"image_id": 7, "category_id": 2}"#), including: [])
    #expect(dataset.annotations.map(\.id) == [1])
    #expect(dataset.warnings.contains { $0.code == .annotationsWithoutID && $0.count == 1 })
    #expect(dataset.warnings.contains { $0.code == .annotationsWithoutBox && $0.count == 1 })
  }

  @Test func keepsAnnotationsOfUnknownCategories() throws {
    let dataset = try dataset(annotated(#"{"id": 0, "image_id": 7, "category_id": 3, "bbox": [0, 0, 1, 1]}"#))
    #expect(dataset.annotations.count == 1)
    #expect(dataset.warnings.contains { $0.code == .unknownCategories && $0.count == 1 })
  }

  @Test func leavesOutAnnotationsOfUnknownImages() throws {
    let json = annotated(
      #"{"image_id": 8, "category_id": 2, "bbox": [1, 2, 3, 4], "segmentation": [[0, 0, 1, 0, 1, 1]]}, "#
        + #"{"image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4], "segmentation": [[5, 5, 6, 5, 6, 6]]}"#)
    let dataset = try dataset(json, including: [.boxes, .segmentations])
    #expect(dataset.annotations.map(\.imageID) == [7])
    #expect(dataset.segmentations?[0] == .polygons([[5, 5, 6, 5, 6, 6]]))
    #expect(dataset.warnings.contains { $0.code == .unknownImages && $0.count == 1 })
  }

  @Test func idsOfTextNameTheRemedy() throws {
    let found = #expect(throws: DatasetError.self) { try dataset(#"{"categories": [{"id": "5"}]}"#) }
    #expect(found?.place == "categories[0].id" && found?.problem == #"is "5", but must be an integer"#)
    #expect(found?.advice?.contains("jq '.categories[].id |= tonumber'") == true)
  }

  @Test func findingsReadBack() throws {
    let findings = try dataset(annotated(#"{"image_id": 7, "category_id": 3, "bbox": [9, 9, -1, 4]}"#)).findings()
    #expect(findings.contains { $0.code == .negativeBoxes })
    let data = try JSONEncoder().encode(findings)
    #expect(try JSONDecoder().decode([DataFinding].self, from: data) == findings)
  }

  @Test func saysWhichFileCannotBeRead() throws {
    #expect(throws: FileError.self) { try LVISDataset(contentsOf: "/nowhere/a.json") }
    #expect(throws: FileError.self) { try LVISDataset(contentsOf: "/tmp") }
    #expect(throws: DatasetError.self) { try LVISDataset(contentsOf: "/dev/null") }
  }
}
