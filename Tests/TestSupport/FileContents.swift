import Foundation

/// A whole file.
public func fileBytes(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

/// A JSON object from its text.
///
/// - Throws: Foundation's error for text that is no JSON, `JSONFormError` for JSON that is no object.
public func jsonObject(_ text: String) throws -> [String: Any] { try jsonObject(Data(text.utf8)) }

/// The JSON object of a file.
public func jsonObject(at path: String) throws -> [String: Any] { try jsonObject(fileBytes(path)) }

private func jsonObject(_ data: Data) throws -> [String: Any] {
  guard let object = try JSONSerialization.jsonObject(with: data) as? [String: Any] else { throw JSONFormError() }
  return object
}

/// JSON, but not an object.
public struct JSONFormError: Error, CustomStringConvertible {
  /// The text.
  public var description: String { "the JSON is no object" }
}
