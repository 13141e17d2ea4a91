import Foundation

/// A key of a JSON object that is known only at run time, such as the name of a metric.
package struct NamedKey: CodingKey {
  package let stringValue: String
  package var intValue: Int? { nil }
  package init(_ name: String) { stringValue = name }
  package init?(stringValue: String) { self.stringValue = stringValue }
  package init?(intValue: Int) { nil }
}

/// Writes documents as JSON and reads them again.
///
/// A property `imageCount` is `image_count` in the file; files of earlier versions, which spell some keys `imageCount`,
/// are read too. Names that begin with a capital, such as those of metrics (`AP50`, `AR@300`), and the keys of
/// dictionaries stay as they are.
package enum JSONDocument {
  /// A value as JSON, the keys in a fixed order.
  ///
  /// - Parameter isPretty: Whether every value stands on a line of its own.
  package static func text(_ value: some Encodable, isPretty: Bool = true) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if isPretty { encoder.outputFormatting.insert(.prettyPrinted) }
    encoder.keyEncodingStrategy = .custom { NamedKey(snakeCase($0.last?.stringValue ?? "")) }
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  /// Reads a value from JSON.
  ///
  /// - Throws: `DecodingError`, whose `place` names the field, or what the type's own initialiser throws.
  package static func value<Value: Decodable>(_ type: Value.Type = Value.self, from data: Data) throws -> Value {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .custom { NamedKey(camelCase($0.last?.stringValue ?? "")) }
    return try decoder.decode(type, from: data)
  }

  /// Reads a value from a JSON file.
  ///
  /// - Throws: `FileError` if it cannot be read; otherwise as ``value(_:from:)``.
  package static func value<Value: Decodable>(_ type: Value.Type = Value.self, at path: String) throws -> Value {
    let file = try MappedFile(at: path)
    return try value(from: withExtendedLifetime(file) { Data(file.bytes) })
  }

  /// `image_count` for `imageCount`.
  static func snakeCase(_ name: String) -> String {
    guard name.first?.isLowercase == true else { return name }
    return name.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
  }

  private static func camelCase(_ name: String) -> String {
    guard name.first?.isLowercase == true else { return name }
    let words = name.split(separator: "_", omittingEmptySubsequences: false)
    return words.dropFirst().reduce(into: String(words[0])) { $0 += $1.prefix(1).uppercased() + $1.dropFirst() }
  }
}

extension DecodingError {
  /// The field and what is wrong with it, in one line.
  package var place: String {
    func field(_ path: [any CodingKey]) -> String {
      path.reduce("") { text, key in
        key.intValue.map { "\(text)[\($0)]" } ?? (text.isEmpty ? "" : text + ".")
          + JSONDocument.snakeCase(key.stringValue)
      }
    }
    switch self {
    case .keyNotFound(let key, let context): return "\(field(context.codingPath + [key])) is missing"
    case .typeMismatch(let type, let context): return "\(field(context.codingPath)) is not of type \(type)"
    case .valueNotFound(_, let context): return "\(field(context.codingPath)) is null"
    case .dataCorrupted(let context):
      let place = field(context.codingPath)
      return place.isEmpty ? "is not valid JSON" : "\(place): \(context.debugDescription)"
    @unknown default: return "cannot be read"
    }
  }
}
