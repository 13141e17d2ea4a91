import CSimdJSON

/// The names under which a results file may hold its list, where it is an object.
private let listNames: Set = ["annotations", "predictions", "results", "detections"]

/// Reads a results file in windows: a list of detections, detections one a line, or an object that holds such a list.
///
/// - Throws: `DatasetError`, `FileError`, or what `body` throws.
func forEachResultWindow(
  of file: JSONFile, _ contents: DetectionColumns.Contents, windowBytes: Int = 1 << 18,
  _ body: (_ rows: RecordReader.Rows, _ fileSize: Int) throws -> Void
) throws {
  func list(_ file: JSONFile, at start: Int, name: String? = nil) -> RecordList {
    RecordList(
      file: file, kind: .detections, start: start,
      options: contents.contains(.segmentations) ? .segmentations : [], windowBytes: min(max(windowBytes, 1), 1 << 28),
      name: name)
  }
  do {
    var cursor = ByteCursor(file: file)
    try cursor.skipByteOrderMark()
    let first = try cursor.peekToken()
    guard first != UInt8(ascii: "{") else {
      if try isRecord(cursor) {
        let lines = try JSONFile(linesOf: file)
        _ = try list(lines, at: cursor.offset).forEachWindow { rows, _ in try body(rows, file.size) }
        return
      }
      return try forEachWindow(ofObject: file) { name, start in
        try list(file, at: start, name: name).forEachWindow { rows, _ in try body(rows, file.size) }
      }
    }
    try cursor.expect("[", found: first)
    cursor.move(to: try list(file, at: cursor.offset).forEachWindow { rows, _ in try body(rows, file.size) })
    try cursor.expectEnd()
  } catch let error as DatasetError {
    throw error.explained(by: FileKind(of: file))
  }
}

/// Whether the object at a cursor is a detection, which its first fields tell.
private func isRecord(_ start: ByteCursor) throws -> Bool {
  var cursor = start
  cursor.advance()
  while try cursor.peekToken() == UInt8(ascii: "\"") {
    let name = try cursor.readString()
    if ["image_id", "category_id", "score", "bbox"].contains(name) { return true }
    guard try cursor.peekToken() == UInt8(ascii: ":") else { return false }
    cursor.advance()
    // Lists and objects may be all of the file.
    let value = try cursor.peekToken()
    if name != "segmentation", value == UInt8(ascii: "[") || value == UInt8(ascii: "{") { return false }
    try cursor.skipValue(of: name)
    guard try cursor.peekToken() == UInt8(ascii: ",") else { return false }
    cursor.advance()
  }
  return false
}

/// Reads the one list of detections in an object.
///
/// - Parameter read: Gets the list's name and the offset of its first record; returns the offset behind it.
private func forEachWindow(ofObject file: JSONFile, _ read: (String, Int) throws -> Int) throws {
  var names: [String] = []
  var list: String?
  do {
    try forEachField(in: file) { name, first, start in
      names.append(name)
      guard list == nil, listNames.contains(name), first == UInt8(ascii: "[") else { return nil }
      list = name
      return try read(name, start + 1)
    }
  } catch let error as DatasetError where error.place?.hasSuffix("].score") == true && error.advice == nil {
    throw DatasetError(
      path: error.path, code: error.code, place: error.place, problem: error.problem,
      advice: "detections have a score; is it an annotation file?")
  }
  guard list == nil else { return }
  let isKeyed = !names.isEmpty && names.allSatisfy { Int($0) != nil }
  throw DatasetError(
    path: file.path, code: .otherFormat,
    problem: isKeyed
      ? "holds an object keyed by image (“\(names[0])”…), but results are a list of detections, each with its image_id"
      : "holds an object without a list \(listNames.sorted().joined(separator: ", ")); results are a list of detections",
    advice: isKeyed
      ? "jq '[to_entries[] | .key as $id | .value[] | .image_id = ($id | tonumber)]' \(file.path) > list.json"
      : "is it an annotation file?")
}
