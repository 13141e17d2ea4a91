import Foundation

/// A file that could not be read or written: which one, what was attempted, and what the system answered.
public struct FileError: CodedError {
  /// The path as the user gave it.
  public let path: String
  /// What was attempted: "open", "write", "rename" and the like.
  public let operation: String
  /// The system's error number.
  public let code: Int32

  /// Records a failed system call.
  ///
  /// - Parameters:
  ///   - path: The path as the user gave it.
  ///   - operation: What was attempted.
  ///   - code: The system's error number; `errno` unless given.
  public init(path: String, operation: String, code: Int32 = errno) {
    self.path = path
    self.operation = operation
    self.code = code
  }

  /// One line: the path, what failed, and what to do where that is known.
  public var description: String {
    let reason = String(cString: strerror(code))
    return "\(path): cannot \(operation): \(reason)\(advice)"
  }

  private var advice: String {
    switch code {
    case ENOSPC, EDQUOT: "; nothing there was changed, free some space and try again"
    case ENOENT where operation == "write": "; make its folder first, or choose another place"
    case EFBIG: "; nothing there was changed, raise the limit of file sizes (ulimit -f) or choose another place"
    case EACCES, EPERM, EROFS: "; check the permissions or choose another place"
    default: ""
    }
  }
}
