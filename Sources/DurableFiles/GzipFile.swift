import CZlib
import Foundation

/// Compressed files (gzip, RFC 1952), by zlib.
package enum GzipFile {
  /// Why a file could not be unpacked.
  package enum Fault: Error {
    /// The file ends before its data do.
    case cutShort
    /// What stands there is not gzip, or damaged.
    case damaged
  }

  /// Unpacks a file into one that has no name, and goes when its descriptor is closed.
  ///
  /// Memory is a buffer's, whatever the file's size; the disk of temporary files must hold what is unpacked.
  ///
  /// - Parameters:
  ///   - descriptor: The compressed file, read from its beginning.
  ///   - path: What to call it in errors.
  /// - Returns: A descriptor of the unpacked file, to be closed by the caller.
  /// - Throws: `Fault`; `FileError` where there is no room.
  package static func unpack(_ descriptor: Int32, path: String) throws -> Int32 {
    var name = Array((FileManager.default.temporaryDirectory.path + "/bags-XXXXXX").utf8CString)
    let output = mkstemp(&name)
    let temporary = name.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
    guard output >= 0 else { throw FileError(path: temporary, operation: "make") }
    unlink(temporary)
    do {
      try unpack(descriptor, into: output, path: path, temporary: temporary)
      return output
    } catch {
      close(output)
      throw error
    }
  }

  private static func unpack(_ input: Int32, into output: Int32, path: String, temporary: String) throws {
    var stream = z_stream()
    guard czlib_inflate_begin(&stream) == Z_OK else { throw FileError(path: path, operation: "unpack", code: ENOMEM) }
    defer { inflateEnd(&stream) }
    let room = 1 << 18
    let packed = UnsafeMutablePointer<UInt8>.allocate(capacity: room)
    let plain = UnsafeMutablePointer<UInt8>.allocate(capacity: 4 * room)
    defer {
      packed.deallocate()
      plain.deallocate()
    }
    var offset: off_t = 0
    var isAtEnd = false
    while true {
      let count = pread(input, packed, room, offset)
      if count < 0 {
        if errno == EINTR { continue }
        throw FileError(path: path, operation: "read")
      }
      guard count > 0 else { break }
      offset += off_t(count)
      stream.next_in = packed
      stream.avail_in = uInt(count)
      repeat {
        // Several compressed files one behind the other are one, as `cat a.gz b.gz` makes them.
        if isAtEnd {
          guard stream.avail_in > 0 else { break }
          guard inflateReset(&stream) == Z_OK else { throw Fault.damaged }
          isAtEnd = false
        }
        stream.next_out = plain
        stream.avail_out = uInt(4 * room)
        let status = inflate(&stream, Z_NO_FLUSH)
        guard [Z_OK, Z_STREAM_END, Z_BUF_ERROR].contains(status) else { throw Fault.damaged }
        try write(UnsafeRawBufferPointer(start: plain, count: 4 * room - Int(stream.avail_out)), to: output, temporary)
        isAtEnd = status == Z_STREAM_END
      } while stream.avail_in > 0 || stream.avail_out == 0
    }
    guard isAtEnd else { throw Fault.cutShort }
  }

  private static func write(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws {
    var done = 0
    while done < bytes.count {
      let written = Foundation.write(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done)
      if written < 0 {
        if errno == EINTR { continue }
        throw FileError(path: path, operation: "write")
      }
      done += written
    }
  }
}

/// Compresses what is written to a file.
package final class GzipWriter {
  private let file: DurableFile
  private var stream = z_stream()
  private let room = 1 << 18
  private let packed: UnsafeMutablePointer<UInt8>

  /// Begins a compressed file.
  ///
  /// - Throws: `FileError` without memory.
  package init(_ file: DurableFile) throws {
    self.file = file
    packed = UnsafeMutablePointer<UInt8>.allocate(capacity: room)
    // Results shrink to a third at any level, and the lowest takes a quarter of the time of the standard one.
    guard czlib_deflate_begin(&stream, 1) == Z_OK else {
      throw FileError(path: file.path, operation: "compress", code: ENOMEM)
    }
  }

  deinit {
    deflateEnd(&stream)
    packed.deallocate()
  }

  /// Appends bytes.
  ///
  /// - Throws: `FileError`.
  package func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
      try deflate(part, Z_NO_FLUSH)
      rest = rest.dropFirst(part.count)
    }
  }

  /// Writes what is left; the file itself is not committed.
  ///
  /// - Throws: `FileError`.
  package func finish() throws { try deflate(UnsafeRawBufferPointer(start: nil, count: 0), Z_FINISH) }

  private func deflate(_ bytes: UnsafeRawBufferPointer, _ flush: Int32) throws {
    stream.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
    stream.avail_in = uInt(bytes.count)
    repeat {
      stream.next_out = packed
      stream.avail_out = uInt(room)
      _ = CZlib.deflate(&stream, flush)
      try file.write(UnsafeRawBufferPointer(start: packed, count: room - Int(stream.avail_out)))
    } while stream.avail_out == 0
  }
}
