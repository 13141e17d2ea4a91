import DurableFiles
import Foundation
import TestSupport
import Testing

@Suite struct GzipFileTests {
  private func compress(_ parts: [[UInt8]], to path: String) throws {
    let file = try DurableFile(at: path)
    let writer = try GzipWriter(file)
    for part in parts { try part.withUnsafeBytes { try writer.write($0) } }
    try writer.finish()
    try file.commit()
  }

  private func unpack(_ path: String) throws -> [UInt8] {
    let descriptor = open(path, O_RDONLY)
    defer { close(descriptor) }
    let plain = try GzipFile.unpack(descriptor, path: path)
    return try Array(FileHandle(fileDescriptor: plain, closeOnDealloc: true).readFrom0())
  }

  @Test func whatIsWrittenIsRead() throws {
    var generator = TestGenerator(seed: 5)
    let noise = (0..<3_000_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let zeros = [UInt8](repeating: 0, count: 5_000_000)
    try withTemporaryFolder { folder in
      for (index, parts) in [[], [[]], [[1, 2], [3]], [noise, zeros, noise]].enumerated() {
        try compress(parts, to: "\(folder)/\(index).gz")
        #expect(try unpack("\(folder)/\(index).gz") == parts.flatMap(\.self))
      }
      let both = try fileBytes("\(folder)/2.gz") + fileBytes("\(folder)/2.gz")
      try Data(both).write(to: URL(fileURLWithPath: "\(folder)/both.gz"))
      #expect(try unpack("\(folder)/both.gz") == [1, 2, 3, 1, 2, 3])
    }
  }

  @Test func damageIsFound() throws {
    try withTemporaryFolder { folder in
      try compress([Array("some text that is there".utf8)], to: "\(folder)/a.gz")
      let whole = [UInt8](try fileBytes("\(folder)/a.gz"))
      for length in [2, 10, 20, whole.count - 1] {
        try Data(whole.prefix(length)).write(to: URL(fileURLWithPath: "\(folder)/b.gz"))
        #expect(throws: GzipFile.Fault.cutShort) { try unpack("\(folder)/b.gz") }
      }
      var wrong = whole
      wrong[wrong.count - 6] ^= 1
      try Data(wrong).write(to: URL(fileURLWithPath: "\(folder)/b.gz"))
      #expect(throws: GzipFile.Fault.damaged) { try unpack("\(folder)/b.gz") }
      try Data(whole + [7, 7]).write(to: URL(fileURLWithPath: "\(folder)/b.gz"))
      #expect(throws: GzipFile.Fault.self) { try unpack("\(folder)/b.gz") }
    }
  }
}

extension FileHandle {
  fileprivate func readFrom0() throws -> Data {
    try seek(toOffset: 0)
    return try readToEnd() ?? Data()
  }
}
