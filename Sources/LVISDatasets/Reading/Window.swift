import CSimdJSON

/// A stretch of a list in memory, made into a JSON array of its own: a bracket before its first record, and one in
/// place of the comma or bracket behind its last.
final class Window {
  private let file: JSONFile
  private var buffer: UnsafeMutableBufferPointer<CChar>
  private var capacity: Int
  /// Bytes of the file in the buffer; they begin at index 1.
  private var count = 0
  /// Whether the file ends with this window.
  private(set) var reachesEnd = false

  init(file: JSONFile, bytes: Int) {
    self.file = file
    capacity = bytes
    buffer = Self.allocate(bytes)
  }

  deinit { buffer.deallocate() }

  private static func allocate(_ bytes: Int) -> UnsafeMutableBufferPointer<CChar> {
    let buffer = UnsafeMutableBufferPointer<CChar>.allocate(capacity: bytes + 2 + Int(CSIMDJSON_PADDING))
    buffer.initialize(repeating: 0)
    buffer[0] = CChar(UInt8(ascii: "["))
    return buffer
  }

  /// Reads the bytes from `offset` in the file.
  func load(at offset: Int) throws {
    guard let address = buffer.baseAddress else { return }
    count = try file.read(into: address + 1, count: capacity, at: offset)
    reachesEnd = count < capacity || offset + count >= file.size
    buffer[(1 + count)...].update(repeating: 0)
  }

  /// Doubles the window, for a record that is longer than it; what it held is gone.
  func grow(at place: String) throws {
    guard capacity < 1 << 30 else {
      throw DatasetError(path: file.path, place: place, problem: "is a record of more than \(capacity) bytes")
    }
    capacity *= 2
    buffer.deallocate()
    buffer = Self.allocate(capacity)
  }

  /// The index of the comma in the last `},{`. It may stand inside a record or a string, or behind the end of the list.
  var likelyBoundary: Int? {
    var index = count
    func skipSpace() {
      while index > 0, isSpace(buffer[index]) { index -= 1 }
    }
    while index > 0 {
      guard buffer[index] == CChar(UInt8(ascii: "{")) else {
        index -= 1
        continue
      }
      index -= 1
      skipSpace()
      guard index > 0, buffer[index] == CChar(UInt8(ascii: ",")) else { continue }
      let comma = index
      index -= 1
      skipSpace()
      if index > 0, buffer[index] == CChar(UInt8(ascii: "}")) { return comma }
    }
    return nil
  }

  /// The index of the bracket that closes the list, and of the last comma before it that stands between records.
  var exactBoundary: (closing: Int?, comma: Int?) {
    guard let address = buffer.baseAddress else { return (nil, nil) }
    var scan = CSimdJSONScan()
    var comma: Int64 = -1
    let stop = csimdjson_scan(&scan, address + 1, count, false, &comma)
    return (stop < count ? stop + 1 : nil, comma >= 0 ? Int(comma) + 1 : nil)
  }

  /// Reads the records before `boundary`.
  ///
  /// - Parameter rows: The rows before the first fault; valid until the reader's next window.
  /// - Returns: The first fault, or `nil`.
  func read(
    upTo boundary: Int, of list: RecordList, with reader: RecordReader, into rows: inout RecordReader.Rows
  ) -> CSimdJSONFailure? {
    let replaced = buffer[boundary]
    buffer[boundary] = CChar(UInt8(ascii: "]"))
    defer { buffer[boundary] = replaced }
    return reader.read(
      UnsafeBufferPointer(rebasing: buffer[...boundary]), as: list.kind, withSegmentations: list.withSegmentations,
      into: &rows)
  }
}

private func isSpace(_ byte: CChar) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
