import DurableFiles
import Foundation
import TensorFiles
import TestSupport
import Testing

@Suite struct NumPyArchiveTests {
  /// `numpy.savez(f, a=numpy.array([1, 2], "<f4"))`, numpy 2.4.
  static let savez = """
    UEsDBC0AAAAAAAAAIQCayqvn//////////8FABQAYS5ucHkBABAAiAAAAAAAAACIAAAAAAAAAJNOVU1QWQEAdgB7J2Rlc2NyJzogJzxmNCcsICdm\
    b3J0cmFuX29yZGVyJzogRmFsc2UsICdzaGFwZSc6ICgyLCksIH0gICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg\
    ICAgICAgICAgICAgICAKAACAPwAAAEBQSwECLQMtAAAAAAAAACEAmsqr54gAAACIAAAABQAAAAAAAAAAAAAAgAEAAAAAYS5ucHlQSwUGAAAAAAEA\
    AQAzAAAAvwAAAAAA
    """
  /// `numpy.savez_compressed(f, a=numpy.zeros(2, "<f4"))`.
  static let compressed = """
    UEsDBC0AAAAIAAAAIQCFsLas//////////8FABQAYS5ucHkBABAAiAAAAAAAAABHAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Ce\
    ll9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GkY6mjoKtQoUAC4GKAAAUEsBAi0DLQAAAAgAAAAhAIWwtqxHAAAAiAAAAAUAAAAAAAAAAAAAAIAB\
    AAAAAGEubnB5UEsFBgAAAAABAAEAMwAAAH4AAAAAAA==
    """
  static let tensors = [
    NamedTensor("fc_cls.weight", floats: [1, 2, 3, -1, 0.5, 0], shape: [2, 3]),
    NamedTensor("fc_cls.bias", floats: [0.25, -8], shape: [2], as: .float16),
    NamedTensor("image_ids", integers: [7, -1, 1 << 40], shape: [3]),
    NamedTensor("flags", bytes: [1, 0, 1], elementType: .bool, shape: [3]),
    NamedTensor("empty", floats: [Float](), shape: [0, 4]),
    NamedTensor("one", integers: [5], shape: []),
  ]

  static func data(_ base64: String) throws -> Data { try #require(Data(base64Encoded: base64)) }

  @Test func writesNumPysBytes() throws {
    try withTemporaryFolder { folder in
      try writeNumPyArchive([NamedTensor("a", floats: [1, 2], shape: [2])], to: "\(folder)/a.npz")
      #expect(try fileBytes("\(folder)/a.npz") == Self.data(Self.savez))
      // numpy.savez of the same arrays: its size, and zlib's checksum of all of it.
      try writeNumPyArchive(Self.tensors, to: "\(folder)/b.npz")
      let bytes = [UInt8](try fileBytes("\(folder)/b.npz"))
      #expect(bytes.count == 1569 && crc32(bytes) == 2_533_058_998)
    }
  }

  @Test func readsWhatItWrote() throws {
    try withTemporaryFolder { folder in
      try writeNumPyArchive(Self.tensors, to: "\(folder)/a.npz")
      let file = try openTensors(at: "\(folder)/a.npz")
      #expect(file is NumPyArchive)
      #expect(file.names == ["empty", "fc_cls.bias", "fc_cls.weight", "flags", "image_ids", "one"])
      #expect(try file.tensor("fc_cls.weight").floats() == [1, 2, 3, -1, 0.5, 0])
      #expect(try file.tensor("fc_cls.weight").shape == [2, 3])
      #expect(try file.tensor("fc_cls.bias").floats() == [0.25, -8])
      #expect(try file.tensor("image_ids").integers() == [7, -1, 1 << 40])
      #expect(try file.tensor("flags").elementType == .bool)
      #expect(try file.tensor("empty").shape == [0, 4])
      #expect(try file.tensor("one").shape == [] && file.tensor("one").integers() == [5])
      #expect { try file.tensor("boxes") } throws: { "\($0)".contains("fc_cls.bias, fc_cls.weight") }
    }
  }

  @Test func saysHowToWriteCompressedArraysOtherwise() throws {
    try withTemporaryFolder { folder in
      try Self.data(Self.compressed).write(to: URL(fileURLWithPath: "\(folder)/a.npz"))
      #expect { try openTensors(at: "\(folder)/a.npz") } throws: {
        "\($0)".contains("a.npz: tensor 'a'") && "\($0)".contains("numpy.savez, not numpy.savez_compressed")
      }
    }
  }

  @Test func findsTheDirectoryBeforeAComment() throws {
    try withTemporaryFolder { folder in
      var data = try Self.data(Self.savez)
      data[data.count - 2] = 3
      try (data + Data("PK!".utf8)).write(to: URL(fileURLWithPath: "\(folder)/a.npz"))
      #expect(try openTensors(at: "\(folder)/a.npz").tensor("a").floats() == [1, 2])
    }
  }

  @Test func refusesAnArchiveCutOffAnywhere() throws {
    try withTemporaryFolder { folder in
      try writeNumPyArchive(Self.tensors, to: "\(folder)/a.npz")
      let data = try fileBytes("\(folder)/a.npz")
      for length in 0..<data.count {
        try data.prefix(length).write(to: URL(fileURLWithPath: "\(folder)/cut"))
        #expect(throws: TensorFileError.self, "cut off after \(length) bytes") { try openTensors(at: "\(folder)/cut") }
      }
    }
  }

  /// Any one byte changed, in the headers or the directory: an error or a readable archive, never a crash.
  @Test func survivesDamage() throws {
    try withTemporaryFolder { folder in
      let data = try Self.data(Self.savez)
      var failures = 0
      for place in 0..<data.count {
        for byte: UInt8 in [0, 0x7F, 0xFF, UInt8(ascii: "9"), UInt8(ascii: "'")] {
          var damaged = data
          damaged[place] = byte
          try damaged.write(to: URL(fileURLWithPath: "\(folder)/damaged"))
          do {
            let file = try NumPyArchive(at: "\(folder)/damaged")
            for name in file.names { _ = try? file.tensor(name).floats() }
          } catch is TensorFileError {
            failures += 1
          }
        }
      }
      #expect(failures > data.count)
    }
  }

  @Test func refusesWhatCannotBeWritten() throws {
    try withTemporaryFolder { folder in
      for tensors in [
        [NamedTensor("a", floats: [1], shape: [1]), NamedTensor("a", floats: [1], shape: [1])],
        [NamedTensor("a", floats: [1], shape: [2])],
        [NamedTensor("a", floats: [1], shape: [1], as: .bfloat16)],
        [NamedTensor("é", floats: [1], shape: [1])],
      ] {
        #expect(throws: TensorFileError.self) { try writeNumPyArchive(tensors, to: "\(folder)/a.npz") }
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.isEmpty)
    }
  }
}
