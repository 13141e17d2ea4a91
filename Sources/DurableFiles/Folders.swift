import Foundation

/// Makes a folder, and those around it, where they do not exist.
///
/// - Throws: `FileError` with what the system answered.
package func makeFolder(at path: String) throws {
  guard !path.isEmpty, mkdir(path, 0o755) != 0 else { return }
  let code = errno
  var status = stat()
  // What stands there already, or is a link to it, will do.
  if stat(path, &status) == 0 {
    guard status.st_mode & S_IFMT == S_IFDIR else {
      throw FileError(path: path, operation: "make the folder", code: ENOTDIR)
    }
    return
  }
  let parent = parentFolder(of: path)
  guard code == ENOENT, !parent.isEmpty, parent != path else {
    throw FileError(path: path, operation: "make the folder", code: code)
  }
  try makeFolder(at: parent)
  guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
    throw FileError(path: path, operation: "make the folder")
  }
}

extension Error {
  /// The system's error number behind an error of Foundation's; EIO where there is none.
  package var systemCode: Int32 {
    if let error = self as? FileError { return error.code }
    if let error = self as? POSIXError { return error.code.rawValue }
    let error = self as NSError
    if error.domain == NSPOSIXErrorDomain { return Int32(clamping: error.code) }
    if let underlying = error.userInfo[NSUnderlyingErrorKey] as? any Error { return underlying.systemCode }
    guard let error = self as? CocoaError else { return EIO }
    return switch error.code {
    case .fileNoSuchFile, .fileReadNoSuchFile: ENOENT
    case .fileReadNoPermission, .fileWriteNoPermission: EACCES
    case .fileWriteOutOfSpace: ENOSPC
    case .fileWriteVolumeReadOnly: EROFS
    case .fileWriteFileExists: EEXIST
    default: EIO
    }
  }
}

/// The folder that a path lies in; empty where the path is a mere name.
///
/// Foundation's own ends in a trap for the name `-`.
package func parentFolder(of path: String) -> String {
  guard let slash = path.lastIndex(of: "/") else { return "" }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}
