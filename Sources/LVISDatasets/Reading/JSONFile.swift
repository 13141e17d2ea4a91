import DurableFiles
import Foundation

/// A JSON file, read at chosen places: resident memory is what is read, not what the file holds. One that gzip compressed
/// is unpacked first, into a temporary file without a name.
final class JSONFile: Sendable {
  let path: String
  let size: Int
  private let descriptor: Int32
  /// Where the last record of JSON lines ends; `nil` where the file is one JSON value.
  private let linesEnd: Int?

  /// - Throws: `FileError` if it cannot be opened or is not a regular file; `DatasetError` if it is empty, or compressed
  ///   and damaged.
  init(at path: String) throws {
    self.path = path
    descriptor = try Self.open(path)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      size = 0
      linesEnd = nil
      throw FileError(path: path, operation: "read")
    }
    size = Int(status.st_size)
    linesEnd = nil
    let kind = status.st_mode & S_IFMT
    guard kind != S_IFDIR else { throw FileError(path: path, operation: "read", code: EISDIR) }
    guard kind == S_IFREG else {
      throw DatasetError(
        path: path, code: .otherFormat, problem: "is not a regular file", advice: "copy it to a file first")
    }
    guard size > 0 else {
      throw DatasetError(path: path, code: .otherFormat, problem: "is empty", advice: "download or write it again")
    }
    var start = [UInt8](repeating: 1, count: 4)
    _ = try start.withUnsafeMutableBytes { try $0.baseAddress.map { try read(into: $0, count: 4, at: 0) } }
    if start.starts(with: "PK".utf8) {
      throw DatasetError(
        path: path, code: .otherFormat, problem: "is a zip archive", advice: "unpack it first, with unzip")
    }
    if let encoding = TextEncoding(start) {
      throw DatasetError(
        path: path, code: .otherFormat, problem: "is \(encoding.name) text, but must be UTF-8",
        advice: "iconv -f \(encoding.name) -t UTF-8 \(path) > utf8.json")
    }
  }

  /// Opens a file, or what it holds where gzip compressed it.
  private static func open(_ path: String) throws -> Int32 {
    let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, operation: "open") }
    var start: (UInt8, UInt8) = (0, 0)
    guard pread(descriptor, &start, 2, 0) == 2, start == (0x1F, 0x8B) else { return descriptor }
    defer { close(descriptor) }
    do {
      return try GzipFile.unpack(descriptor, path: path)
    } catch let fault as GzipFile.Fault {
      throw DatasetError(
        path: path, code: .otherFormat,
        problem: fault == .cutShort ? "is compressed, and ends in the middle" : "is compressed, and damaged",
        advice: "download or write it again")
    }
  }

  /// The same file, its lines read as the records of a list: the ends of lines between records are commas, and behind
  /// the last record stands a closing bracket, one byte beyond the file.
  init(linesOf file: JSONFile) throws {
    path = file.path
    descriptor = dup(file.descriptor)
    guard descriptor >= 0 else { throw FileError(path: path, operation: "open") }
    size = file.size + 1
    // White space behind the last record is as it was.
    var end = file.size
    var byte: UInt8 = 0x20
    while end > 0, [0x20, 0x0A, 0x0D, 0x09].contains(byte) {
      end -= 1
      _ = try withUnsafeMutableBytes(of: &byte) { buffer in
        try buffer.baseAddress.map { try file.read(into: $0, count: 1, at: end) }
      }
    }
    linesEnd = end + 1
  }

  deinit { close(descriptor) }

  /// Reads up to `count` bytes from `offset`; fewer only at the end of the file.
  ///
  /// - Throws: `FileError`.
  func read(into buffer: UnsafeMutableRawPointer, count: Int, at offset: Int) throws -> Int {
    let read = try readBytes(into: buffer, count: count, at: offset)
    return try linesEnd.map { try joinLines(buffer, read: read, count: count, at: offset, end: $0) } ?? read
  }

  /// Makes a list of lines. A text in JSON holds no end of a line, so that one behind a brace stands between records.
  private func joinLines(
    _ buffer: UnsafeMutableRawPointer, read: Int, count: Int, at offset: Int, end: Int
  ) throws -> Int {
    let bytes = UnsafeMutableRawBufferPointer(start: buffer, count: count)
    var previous: UInt8 = 0
    if offset > 0 {
      // What stands before, with room for `}`, spaces and the carriage return of a line's end.
      var before = [UInt8](repeating: 0, count: min(offset, 64))
      let start = offset - before.count
      _ = try before.withUnsafeMutableBytes { buffer in
        try buffer.baseAddress.map { try readBytes(into: $0, count: buffer.count, at: start) }
      }
      // A line's end that has a comma already makes none of the blank lines behind it.
      previous = before.last { ![0x20, 0x0D, 0x09].contains($0) } ?? 0
    }
    for index in 0..<read {
      let byte = bytes[index]
      if byte == 0x0A, previous == UInt8(ascii: "}"), offset + index < end { bytes[index] = UInt8(ascii: ",") }
      if ![0x20, 0x0D, 0x09].contains(byte) { previous = byte }
    }
    guard read < count, offset + read == size - 1 else { return read }
    bytes[read] = UInt8(ascii: "]")
    return read + 1
  }

  private func readBytes(into buffer: UnsafeMutableRawPointer, count: Int, at offset: Int) throws -> Int {
    var done = 0
    while done < count {
      let read = pread(descriptor, buffer + done, count - done, off_t(offset + done))
      if read < 0 {
        if errno == EINTR { continue }
        throw FileError(path: path, operation: "read")
      }
      if read == 0 { break }
      done += read
    }
    return done
  }
}
