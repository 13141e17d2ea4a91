/// Walks over the fields of the object that a file holds.
///
/// - Parameter field: Called for every field, with the first byte of its value and where that stands; returns the offset
///   behind the value, or `nil` to have it passed over.
/// - Throws: `DatasetError` where the file is not one JSON object, `FileError`, or what `field` throws.
func forEachField(
  in file: JSONFile, _ field: (_ name: String, _ first: UInt8, _ start: Int) throws -> Int?
) throws {
  var cursor = ByteCursor(file: file)
  try cursor.skipByteOrderMark()
  let first = try cursor.peekToken()
  if first == UInt8(ascii: "[") {
    throw DatasetError(
      path: file.path, code: .otherFormat,
      problem: "holds a list, but annotations are an object with images, annotations and categories",
      advice: "is it a results file?")
  }
  try cursor.expect("{", found: first)
  var byte = try cursor.peekToken()
  if byte == UInt8(ascii: "}") {
    cursor.advance()
  } else {
    while true {
      guard byte == UInt8(ascii: "\"") else {
        throw file.unexpected(byte, at: cursor.offset, expected: "a field's name in quotes")
      }
      let name = try cursor.readString()
      try cursor.expect(":", found: try cursor.peekToken())
      let value = try cursor.peekToken()
      guard let value, value != UInt8(ascii: ","), value != UInt8(ascii: "}"), value != UInt8(ascii: "]") else {
        throw file.unexpected(value, at: cursor.offset, expected: "a value", in: name)
      }
      if let end = try field(name, value, cursor.offset) {
        cursor.move(to: end)
      } else {
        try cursor.skipValue(of: name)
      }
      byte = try cursor.peekToken()
      if byte == UInt8(ascii: "}") {
        cursor.advance()
        break
      }
      try cursor.expect(",", found: byte)
      byte = try cursor.peekToken()
    }
  }
  try cursor.expectEnd()
}

extension ByteCursor {
  /// Passes a byte that must stand here.
  mutating func expect(_ expected: Character, found: UInt8?) throws {
    guard let ascii = expected.asciiValue, found == ascii else {
      throw file.unexpected(found, at: offset, expected: "“\(expected)”")
    }
    advance()
  }

  /// - Throws: `DatasetError` where anything but white space follows.
  mutating func expectEnd() throws {
    if let byte = try peekToken() { throw file.unexpected(byte, at: offset, expected: "the end of the file") }
  }
}
