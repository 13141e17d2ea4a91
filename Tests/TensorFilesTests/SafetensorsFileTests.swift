import DurableFiles
import Foundation
import TensorFiles
import TestSupport
import Testing

@Suite struct SafetensorsFileTests {
  /// Written by the safetensors library (0.8.0): `save({'fc_cls.weight': [[1, 2, 3], [-1, .5, 0]] F32, 'fc_cls.bias':
  /// [.25, -8] F16, 'image_ids': [7, -1, 2**40] I64, 'a"b\\é': [T, F, T], 'empty': (0, 4) F32}, {'method': 'bags'})`.
  static let libraryHeader = #"""
    {"__metadata__":{"method":"bags"},"image_ids":{"dtype":"I64","shape":[3],"data_offsets":[0,24]},\#
    "empty":{"dtype":"F32","shape":[0,4],"data_offsets":[24,24]},\#
    "fc_cls.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[24,48]},\#
    "fc_cls.bias":{"dtype":"F16","shape":[2],"data_offsets":[48,52]},\#
    "a\"b\\é":{"dtype":"BOOL","shape":[3],"data_offsets":[52,55]}}
    """#

  static let tensors = [
    NamedTensor("fc_cls.weight", floats: [1, 2, 3, -1, 0.5, 0], shape: [2, 3]),
    NamedTensor("fc_cls.bias", floats: [0.25, -8], shape: [2], as: .float16),
    NamedTensor("image_ids", integers: [7, -1, 1 << 40], shape: [3]),
    NamedTensor("a\"b\\é", bytes: [1, 0, 1], elementType: .bool, shape: [3]),
    NamedTensor("empty", floats: [Float](), shape: [0, 4]),
  ]

  @Test func writesTheLibrarysBytes() throws {
    try withTemporaryFolder { folder in
      try writeSafetensors(Self.tensors, metadata: ["method": "bags"], to: "\(folder)/a.safetensors")
      let data = try fileBytes("\(folder)/a.safetensors")
      var expected = Self.libraryHeader
      while expected.utf8.count % 8 != 0 { expected += " " }
      #expect(UInt64(expected.utf8.count) == data.prefix(8).withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
      #expect(String(decoding: data[8..<(8 + expected.utf8.count)], as: UTF8.self) == expected)
      let payload = [UInt8](data[(8 + expected.utf8.count)...])
      #expect(payload.count == 55)
      #expect(Array(payload[0..<16]) == [7, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 255, count: 8))
      #expect(Array(payload[24..<32]) == [0, 0, 128, 63, 0, 0, 0, 64])
      #expect(Array(payload[48..<55]) == [0, 0x34, 0, 0xC8, 1, 0, 1])
    }
  }

  @Test func readsWhatItWrote() throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/a.safetensors"
      try writeSafetensors(Self.tensors, metadata: ["method": "bags", "line": "a\n\"b\"\u{1}"], to: path)
      let file = try SafetensorsFile(at: path)
      #expect(file.names == ["a\"b\\é", "empty", "fc_cls.bias", "fc_cls.weight", "image_ids"])
      #expect(file.metadata == ["method": "bags", "line": "a\n\"b\"\u{1}"])
      #expect(try file.tensor("fc_cls.weight").floats() == [1, 2, 3, -1, 0.5, 0])
      #expect(try file.tensor("fc_cls.weight").shape == [2, 3])
      #expect(try file.tensor("fc_cls.bias").floats() == [0.25, -8])
      #expect(try file.tensor("image_ids").integers() == [7, -1, 1 << 40])
      #expect(try file.tensor("a\"b\\é").integers() == [1, 0, 1])
      #expect(try file.tensor("empty").floats() == [])
      #expect(throws: TensorFileError.self) { try file.tensor("fc_cls.bias").integers() }
      #expect(throws: TensorFileError.self) { try file.tensor("image_ids").floats() }
      #expect { try file.tensor("fc_reg.weight") } throws: { error in
        "\(error)".contains("tensor 'fc_reg.weight'") && "\(error)".contains("fc_cls.bias")
      }
    }
  }

  @Test(.enabled(if: sharedDataPath("glyphs") != nil)) func readsARealHead() throws {
    let path = try #require(sharedDataPath("glyphs/baseline_head.safetensors"))
    let file = try SafetensorsFile(at: path)
    #expect(file.names == ["fc_cls.bias", "fc_cls.weight"])
    #expect(try file.tensor("fc_cls.weight").shape == [401, 128])
    #expect(try file.tensor("fc_cls.weight").floats().allSatisfy(\.isFinite))
  }

  // MARK: Faults

  @Test func shapeOfManySizes() throws {
    try withTemporaryFolder { folder in
      let ones = Array(repeating: "1", count: 100_000).joined(separator: ",")
      let url = URL(fileURLWithPath: "\(folder)/a.safetensors")
      try Self.file(header: #"{"a":{"dtype":"F32","shape":[\#(ones)],"data_offsets":[0,4]}}"#, payload: 4).write(
        to: url)
      let error = #expect(throws: TensorFileError.self) { try SafetensorsFile(at: url.path) }
      #expect(error?.code == .shape && error?.detail == "its shape has 100000 sizes; 64 at most are read")
    }
  }

  static func file(header: String, payload: Int = 0) -> Data {
    withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Data($0) } + Data(header.utf8) + Data(count: payload)
  }

  @Test(arguments: [
    (#"{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}"#, 1, TensorFileError.Code.elementType, "a"),
    (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, .byteCount, "a"),
    (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, .shape, "a"),
    (#"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4]}}"#, 4, .shape, "a"),
    (#"{"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,4]}}"#, 4, .shape, "a"),
    (#"{"a":{"dtype":"F32","shape":[0,3037000500,3037000500],"data_offsets":[0,0]}}"#, 0, .shape, "a"),
    (#"{"a":{"dtype":"F32","shape":[3037000500,3037000500,0],"data_offsets":[0,0]}}"#, 0, .shape, "a"),
    (#"{"a":{"dtype":"F32","shape":[99223372036854775807],"data_offsets":[0,4]}}"#, 4, .header, "a"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, .offsets, "a"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 4, .offsets, "a"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, 4, .offsets, "a"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 4, .offsets, "a"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8, .offsets, "a"),
    (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 8, .offsets, ""),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
      8, .offsets, "b"
    ),
    (#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, 4, .header, "a"),
    (#"{"a":{"dtype":"F32","shape":"x","data_offsets":[0,4]}}"#, 4, .header, "a"),
    (#"{"a":[1]}"#, 0, .header, "a"),
    (#"{"__metadata__":{"n":3}}"#, 0, .header, "__metadata__"),
    (#"[1]"#, 0, .header, ""),
    (#"{"a":"#, 0, .header, ""),
    (#"{} trailing"#, 0, .header, ""),
    (#""#, 0, .header, ""),
  ])
  func saysWhatIsWrong(header: String, payload: Int, code: TensorFileError.Code, tensor: String) throws {
    try withTemporaryFolder { folder in
      let path = "\(folder)/bad.safetensors"
      try DurableFile.write(Self.file(header: header, payload: payload), to: path)
      let error = try #require(throws: TensorFileError.self) { try SafetensorsFile(at: path) }
      #expect(error.code == code)
      #expect(error.tensor == (tensor.isEmpty ? nil : tensor))
      #expect(error.description.hasPrefix("\(path): "))
    }
  }

  @Test func refusesAFileCutOffAnywhere() throws {
    try withTemporaryFolder { folder in
      try writeSafetensors(Self.tensors, metadata: ["method": "bags"], to: "\(folder)/a.safetensors")
      let data = try fileBytes("\(folder)/a.safetensors")
      for length in 0..<data.count {
        let path = "\(folder)/cut"
        try data.prefix(length).write(to: URL(fileURLWithPath: path))
        #expect(throws: TensorFileError.self, "cut off after \(length) bytes") { try SafetensorsFile(at: path) }
      }
    }
  }

  /// Any one byte of the header changed: an error or a readable file, never a crash.
  @Test func survivesDamagedHeaders() throws {
    try withTemporaryFolder { folder in
      try writeSafetensors(Self.tensors, metadata: ["method": "bags"], to: "\(folder)/a.safetensors")
      let data = try fileBytes("\(folder)/a.safetensors")
      for place in 0..<(8 + Self.libraryHeader.utf8.count) {
        for byte: UInt8 in [UInt8(ascii: "9"), UInt8(ascii: "\""), 0xFF] {
          var damaged = data
          damaged[place] = byte
          try damaged.write(to: URL(fileURLWithPath: "\(folder)/damaged"))
          guard let file = try? SafetensorsFile(at: "\(folder)/damaged") else { continue }
          for name in file.names { _ = try? file.tensor(name).floats() }
        }
      }
    }
  }

  @Test func refusesAnAbsurdHeaderLength() throws {
    try withTemporaryFolder { folder in
      for length in [UInt64.max, 1 << 63, 100_000_001, 17] {
        let path = "\(folder)/bad"
        try DurableFile.write(withUnsafeBytes(of: length.littleEndian) { Data($0) } + Data(count: 16), to: path)
        let error = try #require(throws: TensorFileError.self) { try SafetensorsFile(at: path) }
        #expect(error.code == .headerLength)
      }
    }
  }

  @Test func missingFilesAndFoldersAreFileErrors() throws {
    try withTemporaryFolder { folder in
      #expect(throws: FileError.self) { try SafetensorsFile(at: "\(folder)/none") }
      #expect(throws: FileError.self) { try SafetensorsFile(at: folder) }
    }
  }
}
