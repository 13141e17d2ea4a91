import DurableFiles
import Foundation

/// An error of Foundation in the words of this program: which file, what failed, and why, instead of a domain and a code.
///
/// - Returns: The error itself where it has words of its own.
func plainError(_ error: any Error) -> any Error {
  switch error {
  case let error as EncodingError:
    guard case .invalidValue(let value, let context) = error else { return error }
    return CommandFailure("\(place(context.codingPath))\(value) cannot be written as JSON: \(context.debugDescription)")
  case let error as DecodingError:
    let context: DecodingError.Context =
      switch error {
      case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
        .dataCorrupted(let context):
        context
      @unknown default: DecodingError.Context(codingPath: [], debugDescription: "malformed")
      }
    return CommandFailure("\(place(context.codingPath))cannot be read: \(context.debugDescription)")
  case let error as CocoaError:
    let path = error.userInfo[NSFilePathErrorKey] as? String ?? error.url?.path
    let underlying = error.userInfo[NSUnderlyingErrorKey] as? NSError
    let isReading = (256..<512).contains(error.code.rawValue)
    if let path, let underlying, underlying.domain == NSPOSIXErrorDomain {
      return FileError(path: path, operation: isReading ? "read" : "write", code: Int32(underlying.code))
    }
    return CommandFailure("\(path.map { "\($0): " } ?? "")cannot \(isReading ? "read" : "write")")
  default: return remedy(for: error).map { CommandFailure("\(error): \($0)") } ?? error
  }
}

/// Where in a document a value stands, with a colon behind it.
private func place(_ path: [any CodingKey]) -> String {
  path.isEmpty ? "" : path.map(\.stringValue).joined(separator: ".") + ": "
}
