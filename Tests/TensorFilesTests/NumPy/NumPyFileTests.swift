import DurableFiles
import Foundation
import TensorFiles
import TestSupport
import Testing

@Suite struct NumPyFileTests {
  static func file(_ dictionary: String, version: UInt8 = 1, payload: Int) -> Data {
    let text = dictionary + "\n"
    let count = text.utf8.count
    let length: [UInt8] = [UInt8(count & 0xFF), UInt8(count >> 8)] + (version == 1 ? [] : [0, 0])
    return Data([0x93] + Array("NUMPY".utf8) + [version, 0] + length) + Data(text.utf8)
      + Data((0..<payload).map { UInt8($0) })
  }

  static func header(_ descr: String = "'<i2'", order: String = "False", shape: String = "(2,)") -> String {
    "{'descr': \(descr), 'fortran_order': \(order), 'shape': \(shape), }"
  }

  func read(_ data: Data) throws -> TensorView {
    try withTemporaryFolder { folder in
      try data.write(to: URL(fileURLWithPath: "\(folder)/a.npy"))
      return try NumPyFile.tensor(at: "\(folder)/a.npy", name: "a")
    }
  }

  @Test(arguments: [1, 2, 3] as [UInt8]) func readsEveryVersion(version: UInt8) throws {
    let tensor = try read(Self.file(Self.header(), version: version, payload: 4))
    #expect(tensor.shape == [2] && tensor.elementType == .int16)
    #expect(try tensor.integers() == [256, 770])
  }

  @Test func readsHeadersAsOthersWriteThem() throws {
    // Python 2's long integers, double quotes, no space, another order of keys.
    let old = "{\"shape\":(2L,),'fortran_order':False,\"descr\":\"<i2\"}"
    #expect(try read(Self.file(old, payload: 4)).integers() == [256, 770])
    // Orders are the same where there is one column.
    let column = Self.header(order: "True", shape: "(2, 1)")
    #expect(try read(Self.file(column, payload: 4)).shape == [2, 1])
    #expect(try read(Self.file(Self.header("'>u1'"), payload: 2)).integers() == [0, 1])
    #expect(try read(Self.file(Self.header("'=i2'", shape: "()"), payload: 2)).integers() == [256])
  }

  static let faults: [(String, Int, TensorFileError.Code, String)] = [
    (header("'>f4'"), 8, .unsupported, "big-endian"),
    (header("'<f4'", order: "True", shape: "(2, 2)"), 16, .unsupported, "ascontiguousarray"),
    (header("'<c8'"), 16, .elementType, "'<c8' is not read here"), (header("'|O'"), 16, .elementType, "'|O'"),
    (header("'<U3'"), 24, .elementType, "'<U3'"), (header("'f4'"), 8, .elementType, "'f4'"),
    (header("''"), 8, .elementType, "''"),
    (header("[('x', '<f4')]"), 8, .elementType, "records"), (header("4"), 8, .header, "descr"),
    (header(), 3, .byteCount, "cut off"), (header(), 5, .byteCount, "1 bytes follow"),
    (header(shape: "(-1,)"), 0, .shape, "negative"), (header(shape: "(4611686018427387904, 4)"), 0, .shape, "too many"),
    (header(shape: "(99223372036854775807,)"), 0, .header, "99223372036854775807"),
    (header(shape: "2"), 4, .header, "shape"), (header(shape: "('2',)"), 4, .header, "integers"),
    (header(order: "0"), 4, .header, "fortran_order"), ("{}", 4, .header, "no shape"), ("", 4, .header, "no '{'"),
    ("{'a': 1, 'a': 1}", 4, .header, "twice"), ("{1: 1}", 4, .header, "key"), ("{'a': 1} 2", 4, .header, "more behind"),
    ("{'a': ((((((((((1)))))))))))}", 4, .header, "nesting"), ("{'a': 'b", 4, .header, "without end"),
    ("{'a': __import__('os')}", 4, .header, "__import__"), ("{'a'", 4, .header, "no ':'"),
  ]

  @Test(arguments: faults)
  func saysWhatIsWrong(header: String, payload: Int, code: TensorFileError.Code, words: String) throws {
    let error = try #require(throws: TensorFileError.self) { try read(Self.file(header, payload: payload)) }
    #expect(error.code == code && error.description.contains(words), "\(error)")
  }

  @Test func refusesAFileCutOffAnywhere() throws {
    let data = Self.file(Self.header(), version: 2, payload: 4)
    for length in 0..<data.count { #expect(throws: TensorFileError.self) { try read(data.prefix(length)) } }
  }

  @Test func survivesDamage() throws {
    let data = Self.file(Self.header(), payload: 4)
    for place in 0..<data.count {
      for byte: UInt8 in [0, 0xFF, UInt8(ascii: "9"), UInt8(ascii: "("), UInt8(ascii: "'"), UInt8(ascii: "}")] {
        var damaged = data
        damaged[place] = byte
        _ = try? read(damaged).integers()
      }
    }
  }

  @Test func readsAFolder() throws {
    try withTemporaryFolder { folder in
      try NumPyFile.write([[1, 2], [3, 4]], to: "\(folder)/b.npy")
      try DurableFile.write("not read", to: "\(folder)/readme.txt")
      let tensors = try openTensors(at: folder)
      #expect(tensors.names == ["b"] && tensors.metadata.isEmpty)
      #expect(try tensors.tensor("b").integers() == [1, 2, 3, 4])
      #expect(throws: TensorFileError.self) { try tensors.tensor("a") }
      #expect { try openTensors(at: "\(folder)/b.npy") } throws: { "\($0)".contains("name the folder") }
    }
  }
}
