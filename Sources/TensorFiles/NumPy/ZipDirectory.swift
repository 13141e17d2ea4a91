/// The central directory of a zip file (PKWARE APPNOTE 6.3: §4.3.7 local headers, §4.3.12 directory, §4.3.14 to 16 its
/// end, §4.5.3 sizes beyond 32 bits).
struct ZipDirectory {
  /// One file in the archive.
  struct Member {
    let name: String
    /// 0 for stored, 8 for deflated.
    let method: Int
    /// Where its bytes lie in the archive.
    let bytes: Range<Int>
  }

  let members: [Member]

  /// Reads the directory.
  ///
  /// - Throws: `TensorFileError` if this is no zip file, or is cut off or damaged.
  init(bytes: UnsafeRawBufferPointer, path: String) throws {
    let reader = Reader(bytes: bytes, path: path)
    guard bytes.count >= 22, bytes.starts(with: Array("PK".utf8)) else {
      throw reader.fault(.notThisFormat, "no npz archive: it does not begin as a zip file does")
    }
    let (count, start) = try Self.end(reader)
    var members: [Member] = []
    var place = start
    for _ in 0..<count {
      guard try reader.number(place, 4) == 0x0201_4B50 else {
        throw reader.fault(.header, "the archive's directory has no entry at byte \(place)")
      }
      let nameCount = try reader.number(place + 28, 2)
      let extraCount = try reader.number(place + 30, 2)
      let commentCount = try reader.number(place + 32, 2)
      let name = String(decoding: try reader.slice(place + 46, nameCount), as: UTF8.self)
      let sizes = try Self.sizes(reader, entry: place, extra: place + 46 + nameCount, extraCount: extraCount)
      guard try reader.number(place + 8, 2) & 1 == 0 else {
        throw reader.fault(.unsupported, "'\(name)' is encrypted")
      }
      members.append(
        Member(
          name: name, method: try reader.number(place + 10, 2),
          bytes: try Self.data(reader, name: name, header: sizes.header, count: sizes.stored)))
      place += 46 + nameCount + extraCount + commentCount
    }
    self.members = members
  }

  /// How many entries the directory has, and where it begins.
  private static func end(_ reader: Reader) throws -> (count: Int, start: Int) {
    let bytes = reader.bytes
    // A comment of up to 65,535 bytes may stand behind the end record.
    var place = bytes.count - 22
    let lowest = max(0, place - 0xFFFF)
    while try reader.number(place, 4) != 0x0605_4B50 {
      place -= 1
      guard place >= lowest else {
        throw reader.fault(.notThisFormat, "the archive has no directory at its end: the file is cut off")
      }
    }
    let count = try reader.number(place + 10, 2)
    let start = try reader.number(place + 16, 4)
    guard count == 0xFFFF || start == 0xFFFF_FFFF else { return (count, start) }
    // Larger numbers stand in another record, which a locator before this one points to.
    guard place >= 20, try reader.number(place - 20, 4) == 0x0706_4B50 else { return (count, start) }
    let record = try reader.number(place - 12, 8)
    guard try reader.number(record, 4) == 0x0606_4B50 else {
      throw reader.fault(.header, "the archive's directory has no end record at byte \(record)")
    }
    return (try reader.number(record + 32, 8), try reader.number(record + 48, 8))
  }

  /// The size of a member's bytes and where its local header begins, from the entry or, where they do not fit there, the
  /// extra field.
  private static func sizes(
    _ reader: Reader, entry: Int, extra: Int, extraCount: Int
  ) throws -> (stored: Int, header: Int) {
    var stored = try reader.number(entry + 20, 4)
    let unpacked = try reader.number(entry + 24, 4)
    var header = try reader.number(entry + 42, 4)
    var place = extra
    while place + 4 <= extra + extraCount {
      let count = try reader.number(place + 2, 2)
      if try reader.number(place, 2) == 1 {
        var field = place + 4
        if unpacked == 0xFFFF_FFFF { field += 8 }
        if stored == 0xFFFF_FFFF {
          stored = try reader.number(field, 8)
          field += 8
        }
        if header == 0xFFFF_FFFF { header = try reader.number(field, 8) }
        break
      }
      place += 4 + count
    }
    return (stored, header)
  }

  /// Where a member's bytes lie: behind its local header.
  private static func data(_ reader: Reader, name: String, header: Int, count: Int) throws -> Range<Int> {
    guard try reader.number(header, 4) == 0x0403_4B50 else {
      throw reader.fault(.header, "'\(name)' does not begin at byte \(header), where the archive's directory has it")
    }
    let start = header + 30 + (try reader.number(header + 26, 2)) + (try reader.number(header + 28, 2))
    guard start <= reader.bytes.count, count <= reader.bytes.count - start else {
      throw reader.fault(.offsets, "'\(name)' ends outside the file: it is cut off, or its directory is wrong")
    }
    return start..<start + count
  }

  private struct Reader {
    let bytes: UnsafeRawBufferPointer
    let path: String

    func fault(_ code: TensorFileError.Code, _ detail: String) -> TensorFileError {
      TensorFileError(path: path, code: code, detail: detail)
    }

    func slice(_ place: Int, _ count: Int) throws -> UnsafeRawBufferPointer {
      guard place >= 0, count <= bytes.count, place <= bytes.count - count else {
        throw fault(.offsets, "the archive's directory points outside the file: it is cut off, or damaged")
      }
      return UnsafeRawBufferPointer(rebasing: bytes[place..<place + count])
    }

    /// A little-endian number; at most 2⁶², so that sums of a few do not overflow.
    func number(_ place: Int, _ count: Int) throws -> Int {
      let value = try slice(place, count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard value < 1 << 62 else { throw fault(.header, "the archive's directory holds an absurd number") }
      return Int(value)
    }
  }
}
