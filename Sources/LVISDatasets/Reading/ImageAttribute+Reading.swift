import DurableFiles
import Foundation

extension ImageAttribute {
  /// Reads the properties of images from a table: comma-separated values (RFC 4180) under a header, one line an image.
  ///
  /// - Parameter path: The file. A column `image_id`, or `id`, names the image; each other column is an attribute. Empty
  ///   fields are no value.
  /// - Returns: The attributes in the order of the columns.
  /// - Throws: `DatasetError` that names the line, for a table without such columns, a line of another length, an id that
  ///   is no integer or stands twice; `FileError` where the file cannot be read.
  public static func read(table path: String) throws -> [ImageAttribute] {
    let file = try MappedFile(at: path)
    let text = withExtendedLifetime(file) { String(decoding: file.bytes, as: UTF8.self) }
    let (rows, openQuote) = csvRows(of: text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text)
    func fault(_ line: Int, _ problem: String, _ advice: String? = nil) -> DatasetError {
      DatasetError(path: path, code: .badValue, place: "line \(line)", problem: problem, advice: advice)
    }
    if let openQuote { throw fault(openQuote, "opens a quote that is never closed") }
    guard let header = rows.first?.fields, header.count > 1,
      let ids = header.firstIndex(of: "image_id") ?? header.firstIndex(of: "id")
    else {
      throw fault(
        1, "has no column image_id and another one beside it",
        "its first line must name the columns, such as image_id,weather")
    }
    var values = [[Int: String]](repeating: [:], count: header.count)
    var seen: Set<Int> = []
    for row in rows.dropFirst() where row.fields != [""] {
      guard row.fields.count == header.count else {
        throw fault(row.line, "holds \(row.fields.count) fields, but the first line names \(header.count)")
      }
      guard let id = Int(row.fields[ids]) else {
        throw fault(row.line, "\(readable(row.fields[ids].utf8)) is not the id of an image, which is an integer")
      }
      guard seen.insert(id).inserted else { throw fault(row.line, "image \(id) stands twice") }
      for (column, field) in row.fields.enumerated() where column != ids && !field.isEmpty {
        values[column][id] = field
      }
    }
    return header.indices.filter { $0 != ids }.map { ImageAttribute(name: header[$0], values: values[$0]) }
  }

  /// Reads a key of the image records of an annotation file.
  ///
  /// - Parameters:
  ///   - key: The key, such as `date_captured`; its values are texts, numbers or truth values.
  ///   - path: The annotation file.
  /// - Throws: `DatasetError` where no image has the key, or one holds a list or an object there; `FileError` where the
  ///   file cannot be read.
  public init(key: String, ofImagesIn path: String) throws {
    let file = try JSONFile(at: path)
    var values: [Int: String] = [:]
    var names: Set<String> = []
    try forEachField(in: file) { name, first, start in
      guard name == "images", first == UInt8(ascii: "[") else { return nil }
      var cursor = ByteCursor(file: file)
      cursor.move(to: start + 1)
      var index = 0
      while try cursor.peekToken() == UInt8(ascii: "{") {
        let fields = try cursor.readFields(["id", key], at: "images[\(index)]", seen: &names)
        if let id = fields["id"].flatMap({ Int($0) }), let value = fields[key] { values[id] = value }
        index += 1
        guard try cursor.peekToken() == UInt8(ascii: ",") else { break }
        cursor.advance()
      }
      try cursor.expect("]", found: try cursor.peekToken())
      return cursor.offset
    }
    guard !values.isEmpty else {
      let others = names.subtracting(["id"]).sorted()
      throw DatasetError(
        path: path, code: .missing, place: "images", problem: "no image has a value for \(key)",
        advice: others.isEmpty ? nil : "its images have \(others.joined(separator: ", "))")
    }
    self.init(name: key, values: values)
  }
}

extension ByteCursor {
  /// Passes an object of plain values, and keeps some of them as text; `null` is no value.
  ///
  /// - Parameter seen: Gets the names of the object's fields.
  fileprivate mutating func readFields(
    _ wanted: [String], at place: String, seen: inout Set<String>
  ) throws -> [String: String] {
    var fields: [String: String] = [:]
    advance()
    while try peekToken() == UInt8(ascii: "\"") {
      let name = try readString()
      if seen.count < 100 { seen.insert(name) }
      try expect(":", found: try peekToken())
      let first = try peekToken()
      if !wanted.contains(name) {
        try skipValue(of: name)
      } else if first == UInt8(ascii: "[") || first == UInt8(ascii: "{") {
        throw DatasetError(
          path: file.path, code: .badValue, place: "\(place).\(name)",
          problem: "is a list or an object; images are sliced by texts, numbers or truth values")
      } else {
        let start = offset
        try skipValue(of: name)
        let text = try file.text(start..<offset)
        if first != UInt8(ascii: "\"") {
          if text != "null" { fields[name] = text }
        } else if let value = try? JSONDecoder().decode(String.self, from: Data(text.utf8)) {
          fields[name] = value
        }
      }
      guard try peekToken() == UInt8(ascii: ",") else { break }
      advance()
    }
    try expect("}", found: try peekToken())
    return fields
  }
}

extension JSONFile {
  /// The text of a stretch of the file, without white space around.
  fileprivate func text(_ range: Range<Int>) throws -> String {
    let bytes = try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
      guard let address = buffer.baseAddress else { return }
      count = try read(into: address, count: range.count, at: range.lowerBound)
    }
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// The rows of comma-separated values, each with the line on which it begins, and the line of a row whose quote stays open.
private func csvRows(of text: String) -> (rows: [(line: Int, fields: [String])], openQuote: Int?) {
  var rows: [(line: Int, fields: [String])] = []
  var (line, start) = (1, 1)
  var fields: [String] = []
  var field: [UInt8] = []
  var isQuoted = false
  func endField() {
    fields.append(String(decoding: field, as: UTF8.self))
    field.removeAll(keepingCapacity: true)
  }
  func endRow() {
    endField()
    rows.append((start, fields))
    fields = []
  }
  let bytes = Array(text.utf8)
  var index = 0
  while index < bytes.count {
    let byte = bytes[index]
    let next = index + 1 < bytes.count ? bytes[index + 1] : 0
    index += 1
    if byte == UInt8(ascii: "\n") { line += 1 }
    if isQuoted {
      if byte != UInt8(ascii: "\"") {
        field.append(byte)
      } else if next == byte {
        field.append(byte)
        index += 1
      } else {
        isQuoted = false
      }
    } else if byte == UInt8(ascii: "\""), field.isEmpty {
      isQuoted = true
    } else if byte == UInt8(ascii: ",") {
      endField()
    } else if byte == UInt8(ascii: "\n") {
      endRow()
      start = line
    } else if byte != UInt8(ascii: "\r") || next != UInt8(ascii: "\n") {
      field.append(byte)
    }
  }
  if !field.isEmpty || !fields.isEmpty { endRow() }
  return (rows, isQuoted ? start : nil)
}
