import CSimdJSON

/// A place in a file that walks over what stands between the lists of records.
struct ByteCursor {
  let file: JSONFile
  private(set) var offset = 0
  private var buffer: [UInt8] = []
  private var bufferStart = 0

  init(file: JSONFile) { self.file = file }

  /// The byte at the cursor; `nil` at the end of the file.
  mutating func peek() throws -> UInt8? {
    if offset < bufferStart || offset >= bufferStart + buffer.count { try fill() }
    return offset < bufferStart + buffer.count ? buffer[offset - bufferStart] : nil
  }

  private mutating func fill() throws {
    let (file, start) = (file, offset)
    buffer = try [UInt8](unsafeUninitializedCapacity: 1 << 16) { bytes, count in
      guard let address = bytes.baseAddress else { return }
      count = try file.read(into: address, count: bytes.count, at: start)
    }
    bufferStart = start
  }

  mutating func advance() { offset += 1 }

  mutating func move(to offset: Int) { self.offset = offset }

  /// The next byte that is not white space; `nil` at the end of the file.
  mutating func peekToken() throws -> UInt8? {
    while let byte = try peek() {
      guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
      offset += 1
    }
    return nil
  }

  /// Passes a UTF-8 byte order mark.
  mutating func skipByteOrderMark() throws {
    for byte: UInt8 in [0xEF, 0xBB, 0xBF] {
      guard try peek() == byte else { return }
      offset += 1
    }
  }

  /// Passes the string at the cursor.
  ///
  /// - Returns: What stands between the quotes, escapes and all.
  mutating func readString() throws -> String {
    var bytes: [UInt8] = []
    var isEscaped = false
    advance()
    while let byte = try peek() {
      advance()
      if byte == UInt8(ascii: "\""), !isEscaped { return String(decoding: bytes, as: UTF8.self) }
      isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
      bytes.append(byte)
    }
    throw file.cutShort(in: nil)
  }

  /// Passes one value and stops at the comma or bracket behind it.
  mutating func skipValue(of name: String) throws {
    var scan = CSimdJSONScan()
    while try peek() != nil {
      let skipped = offset - bufferStart
      let stop = buffer.withUnsafeBufferPointer { bytes in
        bytes.baseAddress.map { address in
          address.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
            var comma: Int64 = -1
            return csimdjson_scan(&scan, $0 + skipped, bytes.count - skipped, true, &comma)
          }
        } ?? 0
      }
      offset += stop
      if offset < bufferStart + buffer.count { return }
    }
    throw file.cutShort(in: name)
  }
}

extension JSONFile {
  /// The error for a file that ends too early.
  func cutShort(in place: String?) -> DatasetError {
    DatasetError(
      path: path, code: .notJSON, place: place, problem: "the file ends in the middle, after \(size) bytes",
      advice: "it was cut short: download or write it again")
  }

  /// The error for a byte that may not stand where it does.
  func unexpected(_ byte: UInt8?, at offset: Int, expected: String, in place: String? = nil) -> DatasetError {
    guard let byte else { return cutShort(in: place) }
    return DatasetError(
      path: path, code: .notJSON, place: place,
      problem: "not JSON: found \(readable([byte])) at byte \(offset), expected \(expected)")
  }
}

/// Bytes of a file in a form that a terminal can show.
func readable(_ bytes: some Sequence<UInt8>) -> String {
  let text = String(decoding: Array(bytes), as: UTF8.self)
  return text.unicodeScalars.map { scalar in
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
      ? "\\u" + String(scalar.value + 0x10000, radix: 16).dropFirst() : String(scalar)
  }.joined()
}
