import Foundation
import LVISDatasets
import TestSupport
import Testing

/// Files cut short or with bytes changed are read or refused with a reason; nothing else may happen.
@Suite struct DamagedFilesTests {
  private let annotations = #"""
    {"info": {"a": ["}, {", {"b": null}]}, "images": [{"id": 1, "width": 4, "height": 3, "neg_category_ids": [2, 3]},
    {"id": 2, "width": 4, "height": 3, "not_exhaustive_category_ids": []}], "annotations": [
    {"id": 1, "image_id": 1, "category_id": 2, "bbox": [0.5, 1e0, 2, 3], "area": 1.25, "iscrowd": 0,
     "segmentation": [[0, 1, 2.5, 3, 4, 5], [1, 2, 3, 4]]},
    {"id": 2, "image_id": 2, "category_id": 3, "bbox": [0, 0, 1, 1], "segmentation": {"size": [3, 4], "counts": [5, 7]},
     "iscrowd": 1},
    {"id": 3, "image_id": 2, "category_id": 3, "bbox": [0, 0, 1, 1], "segmentation": {"size": [3, 4], "counts": "5\\"}}
    ], "categories": [{"id": 2, "name": "caf\u00e9", "frequency": "r", "instance_count": 1, "image_count": 1},
    {"id": 3, "name": "é"}]}
    """#
  private let results = #"""
    [{"image_id": 1, "category_id": 2, "bbox": [258.15, 41.29, 348.26, 243.78], "score": 0.236},
     {"image_id": 42, "category_id": 18, "score": 1, "segmentation": {"size": [3, 4], "counts": "}, {\"1\\"}}]
    """#

  private func write(_ bytes: [UInt8], to path: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
  }

  /// Whether the file is taken; records an issue where it is refused with anything but a `DatasetError`.
  private func isRead(_ path: String, isResults: Bool, windowBytes: Int) -> Bool {
    do {
      if isResults {
        try DetectionColumns.forEachChunk(ofResults: path, including: .segmentations, windowBytes: windowBytes) {
          _, _ in
        }
      } else {
        _ = try LVISDataset(contentsOf: path, including: [.boxes, .segmentations], windowBytes: windowBytes)
      }
      return true
    } catch let error as DatasetError {
      #expect(!error.problem.isEmpty)
    } catch {
      Issue.record("\(error) is no DatasetError")
    }
    return false
  }

  @Test(arguments: [false, true], [32, 1 << 20])
  func everyTruncationIsRefused(isResults: Bool, windowBytes: Int) throws {
    let bytes = Array((isResults ? results : annotations).utf8)
    try withTemporaryFolder { folder in
      let path = "\(folder)/f.json"
      try write(bytes, to: path)
      #expect(isRead(path, isResults: isResults, windowBytes: windowBytes))
      for count in 0..<bytes.count {
        try write(Array(bytes.prefix(count)), to: path)
        #expect(!isRead(path, isResults: isResults, windowBytes: windowBytes), "\(count) bytes")
      }
    }
  }

  @Test(arguments: [false, true], [32, 1 << 20])
  func changedBytesAreReadOrRefused(isResults: Bool, windowBytes: Int) throws {
    let bytes = Array((isResults ? results : annotations).utf8)
    try withTemporaryFolder { folder in
      let path = "\(folder)/f.json"
      var damage = Damage()
      var (readCount, refusedCount) = (0, 0)
      for _ in 0..<500 {
        try write(damage.applied(to: bytes), to: path)
        if isRead(path, isResults: isResults, windowBytes: windowBytes) { readCount += 1 } else { refusedCount += 1 }
      }
      #expect(readCount > 0 && refusedCount > 0)
    }
  }
}

/// Changes a few bytes, the same ones in every run.
private struct Damage {
  private var generator = TestGenerator(seed: 1)
  private let tokens = Array("[]{},:\"\\ 0-9eE.nt\u{0}".utf8) + [0xFF, 0xC3]

  private mutating func random(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }

  mutating func applied(to original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0...random(3) {
      let position = random(bytes.count)
      let token = tokens[random(tokens.count)]
      switch random(4) {
      case 0: bytes[position] = UInt8(random(256))
      case 1: bytes[position] = token
      case 2: bytes.remove(at: position)
      default: bytes.insert(token, at: position)
      }
    }
    return bytes
  }
}
