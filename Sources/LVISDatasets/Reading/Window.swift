import CSimdJSON

/// A stretch of a list in memory, made into a JSON array of its own: a bracket before its first record, and one in
/// place of the comma or bracket behind its last.
final class Window {
  private let file: JSONFile
  /// Behind as many bytes as a reader may look at before a window.
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

  deinit { deallocate() }

  private static func allocate(_ bytes: Int) -> UnsafeMutableBufferPointer<CChar> {
    let margin = Int(CSIMDJSON_PADDING)
    let whole = UnsafeMutableBufferPointer<CChar>.allocate(capacity: bytes + 2 + 2 * margin)
    // What is between is written before it is read.
    whole[..<margin].initialize(repeating: 0)
    whole[(whole.count - margin - 2)...].initialize(repeating: 0)
    whole[margin] = CChar(UInt8(ascii: "["))
    return UnsafeMutableBufferPointer(rebasing: whole[margin...])
  }

  private func deallocate() {
    if let window = buffer.baseAddress { (window - Int(CSIMDJSON_PADDING)).deallocate() }
  }

  /// Reads the bytes from `offset` in the file.
  func load(at offset: Int) throws {
    guard let address = buffer.baseAddress else { return }
    count = try file.read(into: address + 1, count: capacity, at: offset)
    reachesEnd = count < capacity || offset + count >= file.size
    buffer[(1 + count)..<(2 + count + Int(CSIMDJSON_PADDING))].update(repeating: 0)
  }

  /// The stretch at the window's back in which a boundary is looked for first.
  private var backBytes: Int { min(capacity, 1 << 14) }

  /// Reads no more than it takes to see where the last record ends; ``loadFront(at:)`` reads the rest.
  ///
  /// - Returns: The likely boundary; `nil` where there is none or the file ends with this window.
  func loadBack(at offset: Int) throws -> Int? {
    guard let address = buffer.baseAddress, offset + capacity < file.size else { return nil }
    count = capacity
    let front = count - backBytes
    guard try file.read(into: address + 1 + front, count: backBytes, at: offset + front) == backBytes else {
      return nil
    }
    if let boundary = likelyBoundary(from: front) { return boundary }
    try loadFront(at: offset)
    return likelyBoundary(from: 0)
  }

  /// Reads what ``loadBack(at:)`` left out.
  func loadFront(at offset: Int) throws {
    guard let address = buffer.baseAddress else { return }
    let read = try file.read(into: address + 1, count: count - backBytes, at: offset)
    guard read == count - backBytes else { throw file.cutShort(in: nil) }
  }

  /// Doubles the window, for a record that is longer than it; what it held is gone.
  func grow(at place: String) throws {
    guard capacity < 1 << 30 else {
      throw DatasetError(
        path: file.path, code: .outOfMemory, place: place, problem: "is a record of more than \(capacity) bytes")
    }
    capacity *= 2
    deallocate()
    buffer = Self.allocate(capacity)
  }

  /// The index of the comma in the last `},{` behind `front`. It may stand inside a record or a string, or behind the
  /// end of the list.
  private func likelyBoundary(from front: Int) -> Int? {
    var index = count
    func skipSpace() {
      while index > front, isSpace(buffer[index]) { index -= 1 }
    }
    while index > front {
      guard buffer[index] == CChar(UInt8(ascii: "{")) else {
        index -= 1
        continue
      }
      index -= 1
      skipSpace()
      guard index > front, buffer[index] == CChar(UInt8(ascii: ",")) else { continue }
      let comma = index
      index -= 1
      skipSpace()
      if index > front, buffer[index] == CChar(UInt8(ascii: "}")) { return comma }
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

  /// What is wrong with the JSON at an index of the window: a comma with no value behind it, or nothing that is known.
  func hint(at index: Int, upTo boundary: Int) -> String? {
    var place = min(index, boundary)
    while place < boundary, isSpace(buffer[place]) || buffer[place] == CChar(UInt8(ascii: ",")) { place += 1 }
    guard buffer[place] == CChar(UInt8(ascii: "]")) || buffer[place] == CChar(UInt8(ascii: "}")) else { return nil }
    let bracket = Character(UnicodeScalar(UInt8(bitPattern: buffer[place])))
    place -= 1
    while place > 0, isSpace(buffer[place]) { place -= 1 }
    guard buffer[place] == CChar(UInt8(ascii: ",")) else { return nil }
    return "there is a comma too many before the “\(bracket)”"
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
      UnsafeBufferPointer(rebasing: buffer[...boundary]), as: list.kind, options: list.options,
      into: &rows)
  }
}

private func isSpace(_ byte: CChar) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
