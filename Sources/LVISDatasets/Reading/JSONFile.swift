import DurableFiles
import Foundation

/// A JSON file, read at chosen places: resident memory is what is read, not what the file holds.
final class JSONFile: Sendable {
  let path: String
  let size: Int
  private let descriptor: Int32

  /// - Throws: `FileError` if it cannot be opened or is not a regular file; `DatasetError` if it is empty.
  init(at path: String) throws {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, operation: "open") }
    self.descriptor = descriptor
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      size = 0
      throw FileError(path: path, operation: "read")
    }
    size = Int(status.st_size)
    let kind = status.st_mode & S_IFMT
    guard kind != S_IFDIR else { throw FileError(path: path, operation: "read", code: EISDIR) }
    guard kind == S_IFREG else {
      throw DatasetError(path: path, problem: "is not a regular file", advice: "copy it to a file first")
    }
    guard size > 0 else {
      throw DatasetError(path: path, problem: "is empty", advice: "download or write it again")
    }
    var start: [UInt8] = [0, 0]
    guard try start.withUnsafeMutableBytes({ try $0.baseAddress.map { try read(into: $0, count: 2, at: 0) } }) == 2
    else { return }
    if start == [0x1F, 0x8B] || start == Array("PK".utf8) {
      throw DatasetError(path: path, problem: "is compressed", advice: "unpack it first, with gunzip or unzip")
    }
  }

  deinit { close(descriptor) }

  /// Reads up to `count` bytes from `offset`; fewer only at the end of the file.
  ///
  /// - Throws: `FileError`.
  func read(into buffer: UnsafeMutableRawPointer, count: Int, at offset: Int) throws -> Int {
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
