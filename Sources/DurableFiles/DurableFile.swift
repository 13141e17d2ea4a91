import Foundation

/// Writes a file so that a reader never sees half of it.
///
/// The bytes go to a temporary name beside the destination; `commit()` flushes them to the disk and renames. Dropped
/// without a commit, the temporary file is removed and what stood at the destination stays as it was. A destination that
/// is no file (`/dev/stdout`, a pipe) is written to as it is.
public final class DurableFile {
  /// The path at which the file stands after `commit()`.
  public let path: String
  /// `nil` where the destination is written to as it is.
  private let temporaryPath: String?
  private var descriptor: Int32
  private var buffer: [UInt8] = []
  private let bufferSize = 1 << 20

  /// Opens a temporary file beside `path`.
  ///
  /// - Parameter path: The destination; its folder must exist.
  /// - Throws: `FileError` if the temporary file cannot be made.
  public init(at path: String) throws {
    self.path = path
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      temporaryPath = nil
      descriptor = open(path, O_WRONLY | O_CLOEXEC)
    } else {
      let temporaryPath = "\(path).\(getpid()).\(UInt32.random(in: 0...UInt32.max)).partial"
      self.temporaryPath = temporaryPath
      TemporaryFiles.add(temporaryPath)
      descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    }
    guard descriptor >= 0 else {
      let error = FileError(path: path, operation: "write")
      if let temporaryPath { TemporaryFiles.remove(temporaryPath) }
      throw error
    }
    buffer.reserveCapacity(bufferSize)
  }

  deinit { discard() }

  /// Appends bytes.
  ///
  /// - Throws: `FileError`, for example on a full disk.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    if buffer.count + bytes.count > bufferSize { try flush() }
    if bytes.count >= bufferSize {
      try writeThrough(bytes)
    } else {
      buffer.append(contentsOf: bytes)
    }
  }

  /// Appends the UTF-8 bytes of a text.
  ///
  /// - Throws: `FileError`, for example on a full disk.
  public func write(_ text: String) throws {
    var text = text
    try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
  }

  /// Flushes to the disk and renames to the destination.
  ///
  /// - Throws: `FileError`; the destination is then as it was.
  public func commit() throws {
    try flush()
    guard let temporaryPath else {
      let closed = close(descriptor)
      descriptor = -1
      guard closed == 0 else { throw FileError(path: path, operation: "write") }
      return
    }
    guard fsync(descriptor) == 0 else { throw FileError(path: path, operation: "write to the disk") }
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0, TemporaryFiles.rename(temporaryPath, to: path) == 0 else {
      let error = FileError(path: path, operation: "write")
      unlink(temporaryPath)
      TemporaryFiles.remove(temporaryPath)
      throw error
    }
    try syncFolder(of: path)
  }

  private func discard() {
    guard descriptor >= 0 else { return }
    close(descriptor)
    descriptor = -1
    if let temporaryPath {
      unlink(temporaryPath)
      TemporaryFiles.remove(temporaryPath)
    }
  }

  private func flush() throws {
    try buffer.withUnsafeBytes { try writeThrough($0) }
    buffer.removeAll(keepingCapacity: true)
  }

  private func writeThrough(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = Foundation.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written < 0 {
        if errno == EINTR { continue }
        throw FileError(path: path, operation: "write")
      }
      rest = rest.dropFirst(written)
    }
  }
}

extension DurableFile {
  /// Writes a whole text in one go.
  ///
  /// - Throws: `FileError`; what stood at `path` is then as it was.
  public static func write(_ text: String, to path: String) throws {
    let file = try DurableFile(at: path)
    try file.write(text)
    try file.commit()
  }

  /// Writes whole data in one go.
  ///
  /// - Throws: `FileError`; what stood at `path` is then as it was.
  public static func write(_ data: Data, to path: String) throws {
    let file = try DurableFile(at: path)
    try data.withUnsafeBytes { try file.write($0) }
    try file.commit()
  }
}

extension DurableFile {
  /// Removes the temporary files in a folder whose processes ended before they could.
  ///
  /// - Parameter folder: The folder; nothing happens where it cannot be read.
  public static func removeLeftovers(in folder: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names {
      // NAME.PROCESS.NUMBER.partial
      let parts = name.split(separator: ".")
      guard parts.count >= 4, parts.last == "partial", UInt32(parts[parts.count - 2]) != nil,
        let process = Int32(parts[parts.count - 3]), process > 0, isGone(process)
      else { continue }
      unlink("\(folder)/\(name)")
    }
  }

  /// Whether there is no process of a number, so that what it began is nobody's.
  package static func isGone(_ process: Int32) -> Bool { kill(process, 0) != 0 && errno == ESRCH }

  /// By what a file in a folder that several hosts share is known as this process's.
  package static var processMark: String { "\(getpid())@\(LockHolder.thisHost)" }

  /// Whether a mark is of a process of this host that is gone. One without a host is of this one.
  package static func isGone(marked mark: Substring) -> Bool {
    let parts = mark.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    guard let process = Int32(parts[0]), process > 0 else { return false }
    return (parts.count < 2 || parts[1] == LockHolder.thisHost) && isGone(process)
  }
}

/// Makes a rename in the folder of `path` last through a power cut.
private func syncFolder(of path: String) throws {
  let folder = parentFolder(of: path)
  let descriptor = open(folder.isEmpty ? "." : folder, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw FileError(path: path, operation: "open the folder of") }
  defer { close(descriptor) }
  // Some file systems do not sync folders and say EINVAL: the rename stands all the same.
  if fsync(descriptor) != 0 && errno != EINVAL { throw FileError(path: path, operation: "sync the folder of") }
}
