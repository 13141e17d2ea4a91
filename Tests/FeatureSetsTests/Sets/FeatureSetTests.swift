import DurableFiles
import FeatureSets
import Foundation
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

@Suite struct FeatureSetTests {
  @Test(arguments: [TensorElementType.float16, .bfloat16, .float32])
  func readsShardsInNaturalOrder(elementType: TensorElementType) throws {
    try withTemporaryFolder { folder in
      // Image 5 goes on in the next shard; "10" stands behind "2" only where digits count as numbers.
      try ShardParts(imageIDs: [2, 2, 5], elementType: elementType).write(to: "\(folder)/shard-2.safetensors")
      try ShardParts(imageIDs: [5, 9], firstRow: 3, elementType: elementType)
        .write(to: "\(folder)/shard-10.safetensors")
      try ShardParts(imageIDs: []).write(to: "\(folder)/shard-11.safetensors")
      try DurableFile.write("not read", to: "\(folder)/README.md")
      let set = try FeatureSet(at: folder)
      #expect(set.roiCount == 5)
      #expect(set.featureCount == 3)
      #expect(set.elementType == elementType)
      #expect(set.images.map(\.id) == [2, 5, 9])
      #expect(set.images.map(\.rows) == [0..<2, 2..<4, 4..<5])
      #expect(!set.hasLabels)
      #expect(set.width(of: .boxDeltas) == nil)
      #expect(try set.features(rows: 1..<4) == [10, 11, 12, 20, 21, 22, 30, 31, 32])
      #expect(try set.boxes(rows: 4..<5) == [4, 4, 6, 8])
      #expect(try set.values(.ious, rows: 0..<1) == nil)
      var picked = [Float](repeating: -1, count: 12)
      try set.copyFeatures(rows: [4, 0, 4, 2], into: &picked)
      #expect(picked == [40, 41, 42, 0, 1, 2, 40, 41, 42, 20, 21, 22])
      try set.checkFeatures()
    }
  }

  @Test func folderOfAnotherFormat() throws {
    try withTemporaryFolder { folder in
      try Data([0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0]).write(to: URL(fileURLWithPath: "\(folder)/features.pkl"))
      let error = #expect(throws: TensorFileError.self) { try FeatureSet(at: folder) }
      #expect(error?.description.contains("features.pkl: is a Python pickle") == true)
    }
  }

  /// A row of so many numbers cannot be counted, though there are no rows.
  @Test func emptyShardOfEndlessRows() throws {
    try withTemporaryFolder { folder in
      var parts = ShardParts(imageIDs: [])
      parts.tensors["features"] = NamedTensor("features", bytes: [], elementType: .float32, shape: [0, 4, 2])
      try parts.write(to: "\(folder)/a.safetensors")
      // The writer would refuse such a shape itself.
      let good = try fileBytes("\(folder)/a.safetensors")
      let header = String(decoding: good.dropFirst(8), as: UTF8.self)
        .replacing("\"shape\":[0,4,2]", with: "\"shape\":[0,3037000500,3037000500]")
      let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) }
      try (length + Data(header.utf8)).write(to: URL(fileURLWithPath: "\(folder)/a.safetensors"))
      let error = #expect(throws: TensorFileError.self) { try FeatureSet(at: folder) }
      #expect(error?.code == .shape && error?.tensor == "features", "\(error as Any)")
    }
  }

  @Test func readsNumPyShards() throws {
    try withTemporaryFolder { folder in
      for (name, ids, first) in [("2", [2, 2, 5], 0), ("10", [5, 9], 3)] as [(String, [Int64], Int)] {
        let parts = ShardParts(imageIDs: ids, firstRow: first)
        try writeNumPyArchive(
          parts.tensors.sorted { $0.key < $1.key }.map(\.value), to: "\(folder)/\(name).npz")
      }
      let set = try FeatureSet(at: folder)
      #expect(set.images.map(\.rows) == [0..<2, 2..<4, 4..<5])
      #expect(set.elementType == .float16)
      #expect(try set.features(rows: 1..<4) == [10, 11, 12, 20, 21, 22, 30, 31, 32])
      set.releasePages()
      #expect(try set.boxes(rows: 4..<5) == [4, 4, 6, 8])

      try ShardParts(imageIDs: [11]).write(to: "\(folder)/3.safetensors")
      let error = try #require(throws: FeatureSetError.self) { try FeatureSet(at: folder) }
      #expect(error.code == .mixedShards && error.description.contains("3.safetensors and "))
    }
  }

  @Test func readsAFolderOfArrays() throws {
    try withTemporaryFolder { folder in
      // numpy.save of numpy.zeros((2, 3), '<f8'), and its like.
      func save(_ name: String, _ descr: String, _ shape: String, _ payload: Data) throws {
        let text = "{'descr': '\(descr)', 'fortran_order': False, 'shape': \(shape), }\n"
        let head = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.utf8.count), 0]
        try (Data(head) + Data(text.utf8) + payload).write(to: URL(fileURLWithPath: "\(folder)/\(name).npy"))
      }
      try save("features", "<f8", "(2, 3)", [1, 2, 3, 4, 5, 6.5].withUnsafeBytes { Data($0) })
      try save("boxes", "<f4", "(2, 4)", ([0, 0, 1, 1, 0, 0, 2, 2] as [Float]).withUnsafeBytes { Data($0) })
      try save("image_ids", "<i4", "(2,)", ([3, 4] as [Int32]).withUnsafeBytes { Data($0) })
      let set = try FeatureSet(at: folder)
      #expect(set.images.map(\.id) == [3, 4])
      #expect(try set.features(rows: 0..<2) == [1, 2, 3, 4, 5, 6.5])
      #expect(throws: FeatureSetError.self) { try FeatureSetWriter(at: folder, featureCount: 3) }
      try FileManager.default.removeItem(atPath: "\(folder)/boxes.npy")
      #expect(try FeatureSet(at: folder).kind == .images)
      try FileManager.default.removeItem(atPath: "\(folder)/image_ids.npy")
      #expect { try FeatureSet(at: folder) } throws: { "\($0)".contains("the tensors there: features") }
    }
  }

  @Test func opensOneFile() throws {
    try withTemporaryFolder { folder in
      try ShardParts(imageIDs: [1, 1]).write(to: "\(folder)/features.safetensors")
      #expect(try FeatureSet(at: "\(folder)/features.safetensors").roiCount == 2)
    }
  }

  @Test(.enabled(if: sharedDataPath("glyphs") != nil)) func opensARealSet() throws {
    let path = try #require(sharedDataPath("glyphs/val"))
    let set = try FeatureSet(at: path)
    #expect(set.roiCount == 42240 && set.featureCount == 128)
    #expect(set.images.count == 440)
    #expect(set.images.allSatisfy { $0.rows.count == 96 })
    #expect(set.images.first?.id == 100001)
    #expect(set.width(of: .boxDeltas) == 4 && set.hasLabels)
    try set.checkFeatures()
  }

  // MARK: Faults

  /// What is done to a good shard, and what must be said of it.
  struct Fault: Sendable, CustomTestStringConvertible {
    let name: String
    let code: FeatureSetError.Code
    let tensor: String?
    var row: Int?
    let damage: @Sendable (inout ShardParts) -> Void
    var testDescription: String { name }
  }

  static let faults: [Fault] = [
    Fault(name: "features 1-D", code: .shape, tensor: "features") {
      $0.tensors["features"] = NamedTensor("features", floats: [1, 2, 3], shape: [3])
    },
    Fault(name: "no features in a row", code: .shape, tensor: "features") {
      $0.tensors["features"] = NamedTensor("features", floats: [Float](), shape: [3, 0])
    },
    Fault(name: "features integers", code: .elementType, tensor: "features") {
      $0.tensors["features"] = NamedTensor("features", integers: [Int64](repeating: 1, count: 3), shape: [3, 1])
    },
    Fault(name: "too few boxes", code: .shape, tensor: "boxes") {
      $0.tensors["boxes"] = NamedTensor("boxes", floats: [0, 0, 1, 1], shape: [1, 4])
    },
    Fault(name: "boxes of five", code: .shape, tensor: "boxes") {
      $0.tensors["boxes"] = NamedTensor("boxes", floats: [Float](repeating: 1, count: 15), shape: [3, 5])
    },
    Fault(name: "image ids as floats", code: .elementType, tensor: "image_ids") {
      $0.tensors["image_ids"] = NamedTensor("image_ids", floats: [Float](repeating: 1, count: 3), shape: [3])
    },
    Fault(name: "image ids as a column", code: .shape, tensor: "image_ids") {
      $0.tensors["image_ids"] = NamedTensor("image_ids", integers: [Int64](repeating: 1, count: 3), shape: [3, 1])
    },
    Fault(name: "labels too short", code: .shape, tensor: "labels") {
      $0.tensors["labels"] = NamedTensor("labels", integers: [Int64](repeating: 1, count: 2), shape: [2])
    },
    Fault(name: "deltas of six", code: .shape, tensor: "box_deltas") {
      $0.tensors["box_deltas"] = NamedTensor("box_deltas", floats: [Float](repeating: 1, count: 18), shape: [3, 6])
    },
    Fault(name: "ious of two", code: .shape, tensor: "ious") {
      $0.tensors["ious"] = NamedTensor("ious", floats: [Float](repeating: 1, count: 6), shape: [3, 2])
    },
    Fault(name: "images unsorted", code: .imageOrder, tensor: "image_ids", row: 2) {
      $0.tensors["image_ids"] = NamedTensor("image_ids", integers: [1, 4, 2], shape: [3])
    },
    Fault(name: "box reversed", code: .box, tensor: "boxes", row: 1) {
      $0.tensors["boxes"] = NamedTensor("boxes", floats: [0, 0, 1, 1, 5, 0, 4, 1, 9, 0, 4, 1], shape: [3, 4])
    },
    Fault(name: "box upside down", code: .box, tensor: "boxes", row: 2) {
      $0.tensors["boxes"] = NamedTensor("boxes", floats: [0, 0, 1, 1, 0, 0, 1, 1, 0, 3, 4, 1], shape: [3, 4])
    },
    Fault(name: "box not a number", code: .notFinite, tensor: "boxes", row: 1) {
      $0.tensors["boxes"] = NamedTensor("boxes", floats: [0, 0, 1, 1, 0, .nan, 1, 1, 0, 0, 4, 1], shape: [3, 4])
    },
    Fault(name: "box infinite", code: .notFinite, tensor: "boxes", row: 0) {
      $0.tensors["boxes"] = NamedTensor("boxes", floats: [0, 0, .infinity, 1, 0, 0, 1, 1, 0, 0, 4, 1], shape: [3, 4])
    },
    Fault(name: "no RoIs", code: .empty, tensor: nil) { $0 = ShardParts(imageIDs: []) },
  ]

  @Test(arguments: faults) func namesFileTensorAndRow(_ fault: Fault) throws {
    try withTemporaryFolder { folder in
      var parts = ShardParts(imageIDs: [1, 1, 2])
      fault.damage(&parts)
      let path = "\(folder)/a.safetensors"
      try parts.write(to: path)
      let error = try #require(throws: FeatureSetError.self) { try FeatureSet(at: path) }
      #expect(error.code == fault.code)
      #expect(error.tensor == fault.tensor)
      #expect(error.row == fault.row)
      #expect(error.description.hasPrefix(path))
    }
  }

  @Test(arguments: ["features", "image_ids"]) func needsATensor(name: String) throws {
    try withTemporaryFolder { folder in
      var parts = ShardParts(imageIDs: [1])
      parts.tensors[name] = nil
      try parts.write(to: "\(folder)/a.safetensors")
      let error = try #require(throws: TensorFileError.self) { try FeatureSet(at: folder) }
      #expect(error.code == .missingTensor && error.tensor == name)
    }
  }

  @Test func shardsMustBeAlike() throws {
    try withTemporaryFolder { folder in
      try ShardParts(imageIDs: [1]).write(to: "\(folder)/a1.safetensors")
      try ShardParts(imageIDs: [2], labels: [3]).write(to: "\(folder)/a2.safetensors")
      var error = try #require(throws: FeatureSetError.self) { try FeatureSet(at: folder) }
      #expect(error.code == .mixedShards && error.tensor == "labels" && error.path.hasSuffix("a2.safetensors"))

      var wider = ShardParts(imageIDs: [2])
      wider.tensors["features"] = NamedTensor("features", floats: [1, 2, 3, 4], shape: [1, 4])
      try wider.write(to: "\(folder)/a2.safetensors")
      error = try #require(throws: FeatureSetError.self) { try FeatureSet(at: folder) }
      #expect(error.code == .mixedShards && error.tensor == "features")

      try ShardParts(imageIDs: [0]).write(to: "\(folder)/a2.safetensors")
      error = try #require(throws: FeatureSetError.self) { try FeatureSet(at: folder) }
      #expect(error.code == .imageOrder && error.row == 0 && error.path.hasSuffix("a2.safetensors"))
    }
  }

  /// In any place of any element type, read together or picked.
  @Test(arguments: [TensorElementType.float16, .bfloat16, .float32])
  func findsFeaturesThatAreNotFinite(elementType: TensorElementType) throws {
    try withTemporaryFolder { folder in
      for (row, bad) in [(0, Float.nan), (57, .infinity), (99, -.infinity)] {
        var features = [Float](repeating: 0.5, count: 100 * 3)
        features[3 * row + 2] = bad
        var parts = ShardParts(imageIDs: [Int64](repeating: 4, count: 100))
        parts.tensors["features"] = NamedTensor("features", floats: features, shape: [100, 3], as: elementType)
        try parts.write(to: "\(folder)/a.safetensors")
        let set = try FeatureSet(at: folder)
        for read in [
          { try set.checkFeatures() }, { _ = try set.features(rows: 0..<100) },
          {
            var picked = [Float](repeating: 0, count: 3)
            try set.copyFeatures(rows: [row], into: &picked)
          },
        ] as [() throws -> Void] {
          let error = try #require(throws: FeatureSetError.self, performing: read)
          #expect(error.code == .notFinite && error.row == row && error.tensor == "features")
        }
      }
    }
  }

  @Test func emptyAndMissingFolders() throws {
    try withTemporaryFolder { folder in
      #expect(throws: FileError.self) { try FeatureSet(at: "\(folder)/none") }
      let error = try #require(throws: FeatureSetError.self) { try FeatureSet(at: folder) }
      #expect(error.code == .empty)
      try DurableFile.write("", to: "\(folder)/a.safetensors")
      #expect(throws: TensorFileError.self) { try FeatureSet(at: folder) }
    }
  }

  @Test func namesOrderNaturally() throws {
    let names = ["a1", "a2", "a10", "a010b", "a11", "b", "b0", "b00", "c"]
    for (left, l) in zip(names, 0...) {
      for (right, r) in zip(names, 0...) { #expect(isInNaturalOrder(left, right) == (l < r), "\(left) \(right)") }
    }
  }
}
