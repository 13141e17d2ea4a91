import Foundation

/// A lock on a file, which one holder at a time has: of two processes, or two parts of one, the second is refused.
///
/// It is the system's advisory lock of the open file (`F_OFD_SETLK` of `fcntl`, which NFS passes on to its server). It
/// belongs to this opening of the file, so that neither another opening in the process nor its end drops it, as one of
/// POSIX's would be, and ends with the process: one that was killed leaves none behind. The file itself, which names its
/// holder, may stay.
public final class FileLock: @unchecked Sendable {
  /// A lock that another holds.
  public struct HeldError: LocalizedError, CustomStringConvertible {
    /// The path of the lock's file.
    public let path: String
    /// Who holds it; `nil` where that is not known.
    public let holder: LockHolder?

    /// The process that holds it; `nil` where that is not known.
    public var process: Int32? { holder?.process }

    /// One line that says who holds it.
    public var description: String {
      let folder = parentFolder(of: path)
      return "\(folder.isEmpty ? "." : folder): \(holder?.name ?? "another process") writes here"
    }

    /// The same line.
    public var errorDescription: String? { description }
  }

  private let descriptor: Int32

  /// Takes the lock, without waiting.
  ///
  /// - Parameters:
  ///   - path: The file; it is made where there is none. Its folder must exist.
  ///   - isRequired: Whether a file system without locks is an error. Where it is not, the lock protects nothing there.
  /// - Throws: `HeldError` where another holds it; `FileError` if the file cannot be opened or locked.
  public init(at path: String, isRequired: Bool = true) throws {
    while true {
      let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else { throw FileError(path: path, operation: "write") }
      if !Self.lock(descriptor) {
        let code = errno
        if code == EAGAIN || code == EACCES {
          defer { close(descriptor) }
          throw HeldError(path: path, holder: LockHolder(named: descriptor))
        }
        guard !isRequired, [ENOLCK, ENOSYS, EOPNOTSUPP, EINVAL].contains(code) else {
          close(descriptor)
          throw FileError(path: path, operation: "lock", code: code)
        }
      }
      // Between opening and locking the holder may have moved or removed the file: this is then another's, or none's.
      var (opened, named) = (stat(), stat())
      if fstat(descriptor, &opened) == 0, stat(path, &named) == 0, opened.st_ino == named.st_ino,
        opened.st_dev == named.st_dev
      {
        let text = LockHolder().text
        _ = ftruncate(descriptor, 0)
        _ = text.withCString { pwrite(descriptor, $0, text.utf8.count, 0) }
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  deinit { close(descriptor) }

  /// Who holds the lock of a file now; `nil` where nobody does.
  ///
  /// - Parameter path: The file; there need be none.
  public static func holder(of path: String) -> LockHolder? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    return isLocked(descriptor) ? LockHolder(named: descriptor) : nil
  }

  #if os(Linux)
  // From <fcntl.h>, whose names Swift does not see.
  private static let F_OFD_GETLK: Int32 = 36
  private static let F_OFD_SETLK: Int32 = 37

  private static func wholeFile() -> flock {
    var region = flock()
    region.l_type = Int16(F_WRLCK)
    region.l_whence = Int16(SEEK_SET)
    return region
  }

  private static func lock(_ descriptor: Int32) -> Bool {
    var region = wholeFile()
    return fcntl(descriptor, F_OFD_SETLK, &region) == 0
  }

  private static func isLocked(_ descriptor: Int32) -> Bool {
    var region = wholeFile()
    return fcntl(descriptor, F_OFD_GETLK, &region) == 0 && region.l_type != Int16(F_UNLCK)
  }
  #else
  private static func lock(_ descriptor: Int32) -> Bool { flock(descriptor, LOCK_EX | LOCK_NB) == 0 }
  private static func isLocked(_ descriptor: Int32) -> Bool { flock(descriptor, LOCK_SH | LOCK_NB) != 0 }
  #endif
}
