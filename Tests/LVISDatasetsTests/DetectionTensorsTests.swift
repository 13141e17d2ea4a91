import Foundation
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

@Suite struct DetectionTensorsTests {
  private let detections = [
    Detection(imageID: 7, categoryID: 3, box: .init(x: 0.5, y: 1, width: 20.25, height: 30), score: 0.75),
    Detection(imageID: 70_000, categoryID: 1_203, box: .init(x: 1999.5, y: 0, width: 1, height: 2), score: 1e-4),
  ]

  private func check(_ path: String, _ expected: [Detection]) throws {
    let columns = try DetectionColumns(contentsOfResults: path)
    #expect(columns.count == expected.count && columns.presences.allSatisfy { $0 == .box })
    for (index, detection) in expected.enumerated() {
      #expect(columns.imageIDs[index] == detection.imageID && columns.categoryIDs[index] == detection.categoryID)
      #expect(columns.boxes[index] == detection.box && Float(columns.scores[index]) == Float(detection.score))
    }
    var firsts: [Int] = []
    try DetectionColumns.forEachChunk(ofResults: path, including: .segmentations) { chunk, first in
      #expect(chunk.segmentations?.count == chunk.count)
      firsts.append(first)
    }
    #expect(firsts == [0])
  }

  @Test func whatIsWrittenIsReadAgain() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/d.safetensors"
      try DetectionColumns(detections).writeTensors(to: path, metadata: ["mark": "m"])
      try check(path, detections)
      let file = try SafetensorsFile(at: path)
      #expect(file.metadata == ["format": "bags-detections", "boxes": "xywh", "mark": "m"])
      // As short as the ids allow.
      let types = try ["image_ids", "category_ids", "boxes", "scores"].map { try file.tensor($0).elementType }
      #expect(types == [.int32, .int16, .float32, .float32])
      try DetectionColumns(detections).writeTensors(to: "\(folder)/d.npz")
      try check("\(folder)/d.npz", detections)
      try DetectionColumns().writeTensors(to: path)
      try check(path, [])
      let far = [Detection(imageID: 1 << 40, categoryID: -1, box: .init(x: 0, y: 0, width: 1, height: 1), score: 2)]
      try DetectionColumns(far).writeTensors(to: path)
      try check(path, far)
    }
  }

  private func tensors(boxes: [Float] = [1, 2, 4, 6, 0, 0, 1, 1], scores: Int = 2) -> [NamedTensor] {
    [
      NamedTensor("image_ids", integers: [1, 2], shape: [2]),
      NamedTensor("category_ids", integers: [1, 1], shape: [2]),
      NamedTensor("boxes", floats: boxes, shape: [boxes.count / 4, 4]),
      NamedTensor("scores", floats: Array(repeating: 0.5, count: scores), shape: [scores]),
    ]
  }

  private let plain = [
    Detection(imageID: 1, categoryID: 1, box: .init(x: 1, y: 2, width: 4, height: 6), score: 0.5),
    Detection(imageID: 2, categoryID: 1, box: .init(x: 0, y: 0, width: 1, height: 1), score: 0.5),
  ]

  @Test func archivesAndCornersAreRead() throws {
    try withTemporaryFolder { folder in
      try writeNumPyArchive(tensors(), to: "\(folder)/d.npz")
      try check("\(folder)/d.npz", plain)
      try writeSafetensors(tensors(), metadata: ["boxes": "xyxy"], to: "\(folder)/corners")
      var corners = plain
      corners[0].box = .init(x: 1, y: 2, width: 3, height: 4)
      try check("\(folder)/corners", corners)
    }
  }

  @Test func faultsNameTheTensor() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/d.safetensors"
      func fault(_ tensors: [NamedTensor], metadata: [String: String] = [:]) throws -> String {
        try writeSafetensors(tensors, metadata: metadata, to: path)
        let error = #expect(throws: TensorFileError.self) { try DetectionColumns(contentsOfResults: path) }
        return error?.description ?? ""
      }
      let whole = [NamedTensor("scores", integers: [1, 2], shape: [2])] + tensors().dropLast()
      let faults = [
        try fault(Array(tensors().dropLast())), try fault(tensors(scores: 3)), try fault(tensors(boxes: [1, 2, 3, 4])),
        try fault(tensors(), metadata: ["boxes": "cxcywh"]), try fault(whole),
      ]
      let texts = [
        "'scores': not in the file", "'image_ids': has shape [2], but for the 3 scores [3]",
        "'boxes': has shape [1, 4]",
        "xywh and xyxy are known", "'scores': floating-point numbers are needed",
      ]
      for (fault, text) in zip(faults, texts) { #expect(fault.contains(text), "\(fault)") }
    }
  }

  /// A zip file of something else is refused as before.
  @Test func otherArchivesAreCompressedFiles() throws {
    try withTemporaryFolder { folder in
      try Data("PK\u{3}\u{4}and no directory of a zip file".utf8).write(to: URL(fileURLWithPath: "\(folder)/a.zip"))
      let error = #expect(throws: DatasetError.self) { try DetectionColumns(contentsOfResults: "\(folder)/a.zip") }
      #expect(error?.description.contains("is a zip archive") == true)
    }
  }
}
