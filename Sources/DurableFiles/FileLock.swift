import Foundation

/// A lock on a file, which one holder at a time has: of two processes, or two parts of one, the second is refused.
///
/// It is the system's advisory lock (`flock`), which ends with the process that holds it: one that was killed leaves
/// none behind. The file itself, which names the holder's process, may stay.
public final class FileLock: @unchecked Sendable {
  /// A lock that another holds.
  public struct HeldError: LocalizedError, CustomStringConvertible {
    /// The path of the lock's file.
    public let path: String
    /// The process that holds it; `nil` where that is not known.
    public let process: Int32?

    /// One line that says who holds it.
    public var description: String {
      let folder = (path as NSString).deletingLastPathComponent
      return "\(folder.isEmpty ? "." : folder): \(process.map { "process \($0)" } ?? "another process") writes here"
    }

    /// The same line.
    public var errorDescription: String? { description }
  }

  private let descriptor: Int32

  /// Takes the lock, without waiting.
  ///
  /// - Parameter path: The file; it is made where there is none. Its folder must exist.
  /// - Throws: `HeldError` where another holds it; `FileError` if the file cannot be opened.
  public init(at path: String) throws {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw FileError(path: path, operation: "write") }
      guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
        let code = errno
        defer { close(descriptor) }
        guard code == EWOULDBLOCK else { throw FileError(path: path, operation: "lock", code: code) }
        throw HeldError(path: path, process: Self.holder(named: descriptor))
      }
      // Between opening and locking the holder may have moved or removed the file: this is then another's, or none's.
      var (opened, named) = (stat(), stat())
      if fstat(descriptor, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino,
        opened.st_dev == named.st_dev
      {
        let text = "\(getpid())\n"
        _ = ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, text.utf8.count, 0) }
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  deinit { close(descriptor) }

  private static func holder(named descriptor: Int32) -> Int32? {
    var bytes = [UInt8](repeating: 0, count: 16)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    return Int32(String(decoding: bytes.prefix(count), as: UTF8.self).prefix { $0.isNumber })
  }
}
