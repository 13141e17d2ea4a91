/// A value as Python writes it, as far as headers of `.npy` files hold them: texts, integers, True and False, and tuples
/// and lists of such.
enum PythonLiteral: Equatable {
  case text(String)
  case integer(Int)
  case boolean(Bool)
  /// A tuple or a list.
  case list([PythonLiteral])

  /// Why a text is none.
  struct Fault: Error, CustomStringConvertible {
    let description: String
  }

  /// Reads a dictionary whose keys are texts, with nothing behind it but white space.
  ///
  /// - Throws: `Fault`.
  static func dictionary(_ bytes: [UInt8]) throws -> [String: PythonLiteral] {
    var reader = Reader(bytes: bytes)
    var dictionary: [String: PythonLiteral] = [:]
    try reader.expect("{")
    while !reader.take("}") {
      guard case .text(let key) = try reader.value(depth: 0) else { throw reader.fault("a key that is no text") }
      try reader.expect(":")
      guard dictionary.updateValue(try reader.value(depth: 0), forKey: key) == nil else {
        throw reader.fault("'\(key)' twice")
      }
      if !reader.take(",") {
        try reader.expect("}")
        break
      }
    }
    guard reader.isAtEnd else { throw reader.fault("more behind the dictionary") }
    return dictionary
  }

  private struct Reader {
    let bytes: [UInt8]
    private var place = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    func fault(_ what: String) -> Fault { Fault(description: "\(what) at byte \(place) of it") }

    var isAtEnd: Bool {
      mutating get {
        skipSpace()
        return place == bytes.count
      }
    }

    private mutating func skipSpace() {
      while place < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[place]) { place += 1 }
    }

    mutating func take(_ character: Unicode.Scalar) -> Bool {
      skipSpace()
      guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
      place += 1
      return true
    }

    mutating func expect(_ character: Unicode.Scalar) throws {
      guard take(character) else { throw fault("no '\(character)'") }
    }

    mutating func value(depth: Int) throws -> PythonLiteral {
      guard depth < 8 else { throw fault("too deep a nesting") }
      for (open, close) in [("(", ")"), ("[", "]")] as [(Unicode.Scalar, Unicode.Scalar)] where take(open) {
        var items: [PythonLiteral] = []
        while !take(close) {
          items.append(try value(depth: depth + 1))
          if !take(",") {
            try expect(close)
            break
          }
        }
        return .list(items)
      }
      for quote in ["'", "\""] as [Unicode.Scalar] where take(quote) { return .text(try text(until: quote)) }
      return try word()
    }

    private mutating func text(until quote: Unicode.Scalar) throws -> String {
      let start = place
      while place < bytes.count, bytes[place] != UInt8(ascii: quote) {
        guard bytes[place] != UInt8(ascii: "\\") else { throw fault("an escape") }
        place += 1
      }
      guard place < bytes.count else { throw fault("a text without end") }
      defer { place += 1 }
      return String(decoding: bytes[start..<place], as: UTF8.self)
    }

    /// A number, True or False.
    private mutating func word() throws -> PythonLiteral {
      let start = place
      let ends = Array(",)]}: \n".utf8)
      while place < bytes.count, !ends.contains(bytes[place]) { place += 1 }
      let word = String(decoding: bytes[start..<place], as: UTF8.self)
      switch word {
      case "True": return .boolean(true)
      case "False": return .boolean(false)
      default:
        // Python 2 wrote long integers with an L.
        guard let value = Int(word.hasSuffix("L") ? String(word.dropLast()) : word) else {
          throw fault("'\(word)'")
        }
        return .integer(value)
      }
    }
  }
}
