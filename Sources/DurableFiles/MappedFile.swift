import CSignals
import Foundation

/// A file's bytes, mapped into memory for reading.
///
/// The bytes stay mapped while the object lives. Where another process shortens the file meanwhile, reading what is gone
/// raises SIGBUS, which no Swift code can catch; the command `bags` names the file and ends. It never rewrites a file in
/// place itself.
public final class MappedFile: @unchecked Sendable {
  /// The path of the file as it was given.
  public let path: String
  /// The bytes of the whole file; valid while the object lives.
  public let bytes: UnsafeRawBufferPointer

  /// Maps the file at `path`.
  ///
  /// - Throws: `FileError` if it cannot be opened, or is not a regular file.
  public init(at path: String) throws {
    self.path = path
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(path: path, operation: "open") }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw FileError(path: path, operation: "read") }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw FileError(path: path, operation: "read", code: EISDIR) }
    guard status.st_mode & S_IFMT == S_IFREG else { throw FileError(path: path, operation: "map", code: EINVAL) }
    let size = Int(status.st_size)
    guard size > 0 else {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let address = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
      throw FileError(path: path, operation: "map")
    }
    bytes = UnsafeRawBufferPointer(start: address, count: size)
    bags_mapping_add(address, size, path)
  }

  deinit {
    guard let address = bytes.baseAddress else { return }
    bags_mapping_remove(address)
    munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
  }
}
