/// Files that are made for other tasks and look like annotations or results, recognised by the names of their fields.
struct FileKind {
  /// What the file is, and what to do: a sentence for an error's advice.
  let description: String

  /// Looks at the fields of a file and of its first record.
  ///
  /// - Returns: `nil` where it is none of those known here, or cannot be read so far.
  init?(of file: JSONFile) {
    var names: Set<String> = []
    var fields: Set<String> = []
    var firstByte: UInt8?
    do {
      var cursor = ByteCursor(file: file)
      try cursor.skipByteOrderMark()
      firstByte = try cursor.peekToken()
      if firstByte == UInt8(ascii: "[") {
        cursor.advance()
        fields = try cursor.fieldNames()
      } else {
        try forEachField(in: file) { name, first, start in
          names.insert(name)
          guard name == "annotations", first == UInt8(ascii: "[") else { return nil }
          var record = cursor
          record.move(to: start + 1)
          fields = (try? record.fieldNames()) ?? []
          return nil
        }
      }
    } catch {
      // What was seen up to the fault may suffice.
    }
    guard let description = Self.description(names: names, fields: fields) else { return nil }
    self.description = description
  }

  private static func description(names: Set<String>, fields: Set<String>) -> String? {
    if fields.contains("segments_info") {
      return "it is a COCO panoptic file, which holds no instances of its own; use the instances_….json of that data "
        + "set"
    }
    if names.contains("videos") || fields.contains("video_id") && !fields.contains("image_id") {
      return "it is a video (YouTube-VIS) file, whose tracks are not scored here; write each frame as an image with "
        + "annotations of its own"
    }
    if fields.contains("caption") {
      return "it is a COCO captions file, which has neither categories nor boxes; use the instances_….json of that "
        + "data set"
    }
    if fields.contains("keypoints"), !fields.contains("bbox") {
      return "it is a keypoints file without boxes, which are what is scored here; add bbox"
    }
    return nil
  }
}

extension ByteCursor {
  /// The names of the fields of the object that begins at the next token; none where something else stands there.
  fileprivate mutating func fieldNames() throws -> Set<String> {
    var names: Set<String> = []
    guard try peekToken() == UInt8(ascii: "{") else { return names }
    advance()
    while try peekToken() == UInt8(ascii: "\"") {
      let name = try readString()
      names.insert(name)
      try expect(":", found: try peekToken())
      try skipValue(of: name)
      guard try peekToken() == UInt8(ascii: ",") else { break }
      advance()
    }
    return names
  }
}

extension DatasetError {
  /// The error with what the file is in place of its advice.
  func explained(by kind: FileKind?) -> DatasetError {
    guard let kind else { return self }
    return DatasetError(path: path, code: .otherFormat, place: place, problem: problem, advice: kind.description)
  }
}
