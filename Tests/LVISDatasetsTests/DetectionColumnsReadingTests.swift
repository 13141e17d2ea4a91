import Foundation
import LVISDatasets
import TestSupport
import Testing

/// Reads a text as if it stood in a file, in windows of so many bytes.
private func detections(_ json: String, windowBytes: Int = 1 << 20) throws -> DetectionColumns {
  try withTemporaryFolder { folder in
    let path = "\(folder)/r.json"
    try Data(json.utf8).write(to: URL(fileURLWithPath: path))
    return try gathered(path, windowBytes: windowBytes)
  }
}

/// All chunks of a file together.
private func gathered(_ path: String, windowBytes: Int) throws -> DetectionColumns {
  var all = DetectionColumns()
  all.segmentations = SegmentationColumns()
  try DetectionColumns.forEachChunk(ofResults: path, including: .segmentations, windowBytes: windowBytes) {
    chunk, first in
    #expect(first == all.count)
    for index in 0..<chunk.count {
      all.imageIDs.append(chunk.imageIDs[index])
      all.categoryIDs.append(chunk.categoryIDs[index])
      all.boxes.append(chunk.boxes[index])
      all.scores.append(chunk.scores[index])
      all.presences.append(chunk.presences[index])
      all.segmentations?.append(chunk.segmentations?[index])
    }
  }
  return all
}

private func expectEqual(_ a: DetectionColumns, _ b: DetectionColumns) throws {
  #expect(a.imageIDs == b.imageIDs)
  #expect(a.categoryIDs == b.categoryIDs)
  #expect(a.boxes == b.boxes)
  #expect(a.scores == b.scores)
  #expect(a.presences == b.presences)
  let (masks, others) = (try #require(a.segmentations), try #require(b.segmentations))
  #expect(masks.count == others.count)
  for index in 0..<min(masks.count, others.count) where masks[index] != others[index] {
    Issue.record("mask \(index) differs")
  }
}

/// The fault found in a text, without the path before it; `nil` where there is none.
private func fault(_ json: String, windowBytes: Int = 1 << 20) throws -> String? {
  do {
    _ = try detections(json, windowBytes: windowBytes)
    return nil
  } catch let error as DatasetError {
    return try #require(error.description.split(separator: "r.json: ", maxSplits: 1).last).description
  }
}

@Suite struct DetectionColumnsReadingTests {
  @Test func readsWhatFoundationReads() throws {
    struct Record: Decodable {
      var image_id: Int
      var category_id: Int
      var bbox: [Double]
      var score: Double
    }
    let path = goldenPath("evaluation/edge_dt_bbox.json")
    let expected = try JSONDecoder().decode([Record].self, from: fileBytes(path))
    let columns = try DetectionColumns(contentsOfResults: path)
    #expect(columns.count == 2641)
    #expect(columns.imageIDs == expected.map(\.image_id))
    #expect(columns.categoryIDs == expected.map(\.category_id))
    #expect(columns.scores == expected.map(\.score))
    #expect(columns.boxes.map { [$0.x, $0.y, $0.width, $0.height] } == expected.map(\.bbox))
    #expect(columns.presences.allSatisfy { $0 == .box })
    #expect(columns.segmentations == nil)
  }

  @Test func readsNumbersExactly() throws {
    var generator = SystemRandomNumberGenerator()
    let numbers = (0..<4000).map { _ in
      Double(sign: .plus, exponent: .random(in: -300...300, using: &generator), significand: .random(in: 1..<2))
    }
    let json = numbers.map {
      #"{"image_id": 1, "category_id": 1, "bbox": [\#($0), -\#($0), 0, -0.0], "score": \#($0)}"#
    }
    let columns = try detections("[\(json.joined(separator: ",\n"))]", windowBytes: 10_000)
    #expect(columns.scores == numbers)
    #expect(columns.boxes.map(\.y) == numbers.map { -$0 })
    #expect(columns.boxes.allSatisfy { $0.height.sign == .minus })
  }

  @Test(arguments: [1, 64, 500, 1023, 4096, 40_000]) func windowsChangeNothing(bytes: Int) throws {
    let path = goldenPath("evaluation/edge_dt_bbox.json")
    try expectEqual(gathered(path, windowBytes: bytes), gathered(path, windowBytes: 1 << 20))
  }

  /// Records that hold what looks like the boundary between records.
  @Test(arguments: [1, 30, 100, 333, 1000, 5000]) func boundariesInsideRecordsAreSeen(bytes: Int) throws {
    let records = (0..<300).map { index in
      switch index % 3 {
      case 0:
        #"{"image_id": \#(index), "category_id": 1, "bbox": [0, 1, 2, 3], "score": 0.5, "note": "},{\"},{ \\"}"#
      case 1:
        #"{"image_id": \#(index), "parts": [{"a": [1]}, {"b": {}} , {"score": 2}], "category_id": 2, "score": 1, "bbox": [0, 0, 1, 1]}"#
      default:
        #"{"segmentation": {"size": [4, 5], "counts": "}, {\\"}, "image_id": \#(index), "category_id": 3, "score": 1e-3}"#
      }
    }
    let json = " [ \(records.joined(separator: " ,\n ")) ] \n"
    let columns = try detections(json, windowBytes: bytes)
    #expect(columns.imageIDs == Array(0..<300))
    #expect(columns.segmentations?[2] == .compressed(height: 4, width: 5, counts: Array("}, {\\".utf8)))
    #expect(columns.presences[2] == .segmentation)
    try expectEqual(columns, detections(json))
  }

  @Test func emptyResultsAreResults() throws {
    #expect(try detections("[]").count == 0)
    #expect(try detections(" [\n] \n").count == 0)
  }

  @Test(arguments: [
    ("", "is empty; download or write it again"),
    (
      #"{"images": []}"#,
      "holds an object without a list annotations, detections, predictions, results; results are a list of detections; is "
        + "it an annotation file?"
    ),
    ("[", "results[0]: the file ends in the middle, after 1 bytes; it was cut short: download or write it again"),
    ("[] []", "not JSON: found [ at byte 3, expected the end of the file"),
    ("[[1]]", "results[0]: is [1, but must be an object"),
    ("[null]", "results[0]: is null, but must be an object"),
  ])
  func namesTheFault(json: String, expected: String) throws {
    #expect(try fault(json) == expected)
  }

  @Test(arguments: [
    (#"{"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]}"#, ".score: is missing; it must be a number"),
    (
      #"{"image_id": 1, "category_id": 2, "score": 1}"#,
      ".bbox: is missing; it must be 4 numbers: [x, y, width, height]"
    ),
    (
      #"{"image_id": 1, "category_id": 2, "score": NaN, "bbox": [1, 2, 3, 4]}"#,
      ".score: is NaN, but must be a finite number"
    ),
    (
      #"{"image_id": 1, "category_id": 2, "score": 1, "bbox": [1, 2, 3, Infinity]}"#,
      ".bbox[3]: is Infinity, but must be a finite number"
    ),
    (
      #"{"image_id": 1, "category_id": 2, "score": 1, "bbox": {"x": 1}}"#,
      #".bbox: is {"x": 1, but must be a list [x, y, width, height]"#
    ),
    (
      #"{"image_id": 1, "category_id": 2, "score": 1, "segmentation": {"size": [3], "counts": ""}}"#,
      ".segmentation.size: holds 1 numbers, but must hold 2 numbers: [height, width]"
    ),
    (
      #"{"image_id": 1, "category_id": 2, "score": 1, "segmentation": [[1, 2, 3, 4, 5, true]]}"#,
      ".segmentation[0][5]: is true, but must be a number"
    ),
  ])
  func namesTheFaultyDetection(record: String, expected: String) throws {
    let good = Array(repeating: #"{"image_id": 1, "category_id": 2, "score": 0.5, "bbox": [1, 2, 3, 4]}"#, count: 100)
    let json = "[\((good + [record] + good).joined(separator: ", "))]"
    for bytes in [100, 1000, 1 << 20] { #expect(try fault(json, windowBytes: bytes) == "results[100]\(expected)") }
  }

  @Test func namesWhereTheFileEnds() throws {
    let records = (0..<100).map { #"{"image_id": \#($0), "category_id": 2, "score": 0.5, "bbox": [1, 2, 3, 4]}"# }
    let json = String("[\(records.joined(separator: ","))]".dropLast(20))
    for bytes in [100, 1000, 1 << 20] {
      #expect(try fault(json, windowBytes: bytes)?.hasPrefix("results[99]: the file ends in the middle") == true)
    }
  }

  @Test func aCommaTooManyIsAFault() throws {
    let record = #"{"image_id": 1, "category_id": 2, "score": 0.5, "bbox": [1, 2, 3, 4]}"#
    for json in ["[\(record),]", "[,\(record)]", "[\(record),,\(record)]", "[\(record) \(record)]"] {
      for bytes in [10, 80, 1 << 20] { #expect(try fault(json, windowBytes: bytes) != nil, "\(json)") }
    }
  }
}
