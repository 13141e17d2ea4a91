/// One list of records in a file, read in windows: memory is a few windows', whatever the file's size.
///
/// A window ends at the last `},{` in it, which nearly always stands between two records. Where it stands inside a
/// record or a string, or behind the end of the list, reading the window shows that: brackets and quotes do not pair.
/// Only then is the exact boundary looked for. So the windows' places are known before any is read, and several are
/// read at a time.
struct RecordList {
  let file: JSONFile
  let kind: RecordKind
  /// Where the first record begins, behind the opening bracket.
  let start: Int
  let options: RecordOptions
  var windowBytes = defaultWindowBytes
  /// The list's name in the file, where that is not the kind's.
  var name: String?

  /// A window and its rows fit into a core's second-level cache.
  static let defaultWindowBytes = 1 << 18

  /// How far a list has been read.
  struct Progress {
    /// Where in the file the next record begins; behind the closing bracket once that is reached.
    var offset: Int
    /// Records so far.
    var count = 0
    var isComplete = false
  }

  /// Reads all records, in the file's order.
  ///
  /// - Parameter body: Gets the rows of a window, and the place of the first one in the list.
  /// - Returns: The offset behind the closing bracket.
  /// - Throws: `DatasetError`, `FileError`, or what `body` throws.
  func forEachWindow(_ body: (RecordReader.Rows, _ first: Int) throws -> Void) throws -> Int {
    var progress = Progress(offset: start)
    let reader = try RecordReader(for: file)
    let window = Window(file: file, bytes: min(windowBytes, file.size - start))
    var missteps = 0
    while !progress.isComplete {
      if missteps < 4, file.size - progress.offset > 2 * windowBytes {
        let windows = try readAhead(&progress, body)
        // A file whose records end in nested lists of objects is better read without guessing.
        missteps = windows < 8 ? missteps + 1 : 0
      }
      if !progress.isComplete { try readExactly(&progress, with: reader, window, body) }
    }
    return progress.offset
  }

  /// Reads one window up to the exact boundary.
  private func readExactly(
    _ progress: inout Progress, with reader: RecordReader, _ window: Window,
    _ body: (RecordReader.Rows, _ first: Int) throws -> Void
  ) throws {
    try window.load(at: progress.offset)
    let place = place(progress.count)
    let boundary = window.exactBoundary
    guard let stop = boundary.closing ?? boundary.comma else {
      guard !window.reachesEnd else { throw file.cutShort(in: place) }
      return try window.grow(at: place)
    }
    var rows = RecordReader.Rows()
    if let failure = window.read(upTo: stop, of: self, with: reader, into: &rows) {
      throw DatasetError(
        failure, path: file.path, list: self, element: progress.count + failure.element,
        windowOffset: progress.offset - 1, hint: window.hint(at: failure.offset, upTo: stop))
    }
    if rows.count == 0, boundary.closing == nil || progress.count > 0 {
      let found = UInt8(ascii: boundary.closing == nil ? "," : "]")
      throw file.unexpected(found, at: progress.offset + stop - 1, expected: "a record", in: place)
    }
    try body(rows, progress.count)
    progress.count += rows.count
    progress.offset += stop
    progress.isComplete = boundary.closing != nil
  }
}
