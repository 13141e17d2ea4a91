import CSimdJSON

/// One list of records in a file, read in windows: memory is a window's, whatever the file's size.
struct RecordList {
  let file: JSONFile
  let kind: RecordKind
  /// Where the first record begins, behind the opening bracket.
  let start: Int
  let withSegmentations: Bool
  var windowBytes = 1 << 20

  /// Reads all records, in the file's order.
  ///
  /// - Parameter body: Gets the rows of a window, and the place of the first one in the list.
  /// - Returns: The offset behind the closing bracket.
  /// - Throws: `DatasetError`, `FileError`, or what `body` throws.
  func forEachWindow(_ body: (RecordReader.Rows, _ first: Int) throws -> Void) throws -> Int {
    let reader = try RecordReader(for: file)
    let window = Window(file: file, bytes: windowBytes)
    var (offset, count) = (start, 0)
    while true {
      try window.load(at: offset)
      var rows = RecordReader.Rows()
      // First try the last `},{`. Where that stands inside a record or a string, reading fails, and the exact boundary
      // is looked for.
      if !window.reachesEnd, let comma = window.likelyBoundary,
        window.read(upTo: comma, of: self, with: reader, into: &rows) == nil
      {
        try body(rows, count)
        if rows.consumed <= comma { return offset + rows.consumed - 1 }
        count += rows.count
        offset += comma
        continue
      }
      let boundary = window.exactBoundary
      guard let stop = boundary.closing ?? boundary.comma else {
        guard !window.reachesEnd else { throw file.cutShort(in: kind.place(count)) }
        try window.grow(at: kind.place(count))
        continue
      }
      if let failure = window.read(upTo: stop, of: self, with: reader, into: &rows) {
        throw DatasetError(
          failure, path: file.path, kind: kind, element: count + failure.element, windowOffset: offset - 1)
      }
      try body(rows, count)
      if boundary.closing != nil {
        guard rows.count > 0 || count == 0 else {
          throw file.unexpected(UInt8(ascii: "]"), at: offset + stop - 1, expected: "a record", in: kind.place(count))
        }
        return offset + stop
      }
      count += rows.count
      offset += stop
    }
  }
}
