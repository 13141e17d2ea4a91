import CSimdJSON

extension DetectionColumns {
  /// The fields that are read beside ids, boxes and scores.
  public struct Contents: OptionSet, Sendable {
    /// The bits of the set.
    public let rawValue: Int
    /// Makes a set from its bits.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// The field `segmentation`, which is read and checked too.
    public static let segmentations = Contents(rawValue: 1)
  }

  /// Reads an LVIS or COCO results file whole.
  ///
  /// - Parameters:
  ///   - path: A JSON list of objects with `image_id`, `category_id`, `score`, and `bbox` or `segmentation` or both; such
  ///     objects, one a line; or an object with such a list as `annotations` or `predictions`. Or columns of tensors
  ///     `image_ids`, `category_ids`, `boxes` and `scores`: safetensors, npz or a folder of npy; see
  ///     ``writeTensors(to:metadata:)``.
  ///   - contents: What to read beside ids, boxes and scores.
  /// - Throws: `DatasetError` that names the element and field, for a file that is not such a list, was cut short, or
  ///   holds a number that is not finite; `TensorFileError` for tensors that are no such columns; `FileError` where the
  ///   file cannot be read.
  public init(contentsOfResults path: String, including contents: Contents = []) throws {
    self.init()
    if let tensors = try DetectionTensors(at: path) {
      reserveCapacity(tensors.count)
      if contents.contains(.segmentations) { segmentations = SegmentationColumns() }
      try tensors.append(0..<tensors.count, to: &self)
      return
    }
    if contents.contains(.segmentations) { segmentations = SegmentationColumns() }
    try forEachResultWindow(of: JSONFile(at: path), contents) { rows, fileSize in
      // Reserved memory costs nothing until it is written to; growing would copy.
      if count == 0 { reserveCapacity(rows.expectedCount(inFileOf: fileSize)) }
      append(rows)
    }
  }

  /// Reads an LVIS or COCO results file in chunks, in the file's order: memory is a chunk's, whatever the file's size.
  ///
  /// The chunks are read ahead by other threads while `body` runs.
  ///
  /// - Parameters:
  ///   - path: A results file, as for ``init(contentsOfResults:including:)``.
  ///   - contents: What to read beside ids, boxes and scores.
  ///   - windowBytes: How much of the file makes a chunk.
  ///   - body: Gets a chunk, and the place of its first detection in the file.
  /// - Throws: As ``init(contentsOfResults:including:)``, and what `body` throws.
  public static func forEachChunk(
    ofResults path: String, including contents: Contents = [], windowBytes: Int = 1 << 18,
    _ body: (_ chunk: borrowing DetectionColumns, _ first: Int) throws -> Void
  ) throws {
    try OpenResults(at: path).forEachChunk(including: contents, windowBytes: windowBytes) { chunk, first, _ in
      try body(chunk, first)
    }
  }

  /// Appends what a window holds.
  mutating func append(_ rows: RecordReader.Rows) {
    if let ids = rows.image_ids, let categories = rows.category_ids, let sides = rows.boxes, let scores = rows.scores {
      imageIDs.append(contentsOf: UnsafeBufferPointer(start: ids, count: rows.count).lazy.map { Int($0) })
      categoryIDs.append(contentsOf: UnsafeBufferPointer(start: categories, count: rows.count).lazy.map { Int($0) })
      // A box is its four sides.
      sides.withMemoryRebound(to: BoundingBox.self, capacity: rows.count) {
        boxes.append(contentsOf: UnsafeBufferPointer(start: $0, count: rows.count))
      }
      self.scores.append(contentsOf: UnsafeBufferPointer(start: scores, count: rows.count))
      presences.append(contentsOf: repeatElement(.box, count: rows.count))
      for _ in 0..<(segmentations == nil ? 0 : rows.count) { segmentations?.append(nil) }
      return
    }
    let objects = UnsafeBufferPointer(start: rows.objects, count: rows.count)
    imageIDs.append(contentsOf: objects.lazy.map { Int($0.image_id) })
    categoryIDs.append(contentsOf: objects.lazy.map { Int($0.category_id) })
    boxes.append(
      contentsOf: objects.lazy.map { BoundingBox(x: $0.box.0, y: $0.box.1, width: $0.box.2, height: $0.box.3) })
    scores.append(contentsOf: objects.lazy.map(\.score))
    presences.append(
      contentsOf: objects.lazy.map { row in
        var presence: Presence = []
        if Int(row.flags) & CSIMDJSON_HAS_BOX != 0 { presence.insert(.box) }
        if Int(row.flags) & CSIMDJSON_HAS_SEGMENTATION != 0 { presence.insert(.segmentation) }
        return presence
      })
    segmentations?.append(rows)
  }
}

/// A results file that is open, and can be read several times.
package final class OpenResults: Sendable {
  /// The path of the file.
  package let path: String
  /// `nil` of tensors.
  private let file: JSONFile?

  /// Opens a results file, as for ``DetectionColumns/init(contentsOfResults:including:)``.
  ///
  /// - Throws: As there.
  package init(at path: String) throws {
    self.path = path
    file = try DetectionTensors(at: path) == nil ? JSONFile(at: path) : nil
  }

  /// As ``DetectionColumns/forEachChunk(ofResults:including:windowBytes:_:)``; the body also learns about how many
  /// detections the file holds.
  package func forEachChunk(
    including contents: DetectionColumns.Contents = [], windowBytes: Int = 1 << 18,
    _ body: (_ chunk: borrowing DetectionColumns, _ first: Int, _ expectedCount: Int) throws -> Void
  ) throws {
    guard let file else {
      guard let tensors = try DetectionTensors(at: path) else { return }
      // About as many bytes of columns as of text.
      return try tensors.forEachChunk(contents, rows: max(1, windowBytes / 32)) { try body($0, $1, tensors.count) }
    }
    var chunk = DetectionColumns()
    if contents.contains(.segmentations) { chunk.segmentations = SegmentationColumns() }
    var first = 0
    try forEachResultWindow(of: file, contents, windowBytes: windowBytes) { rows, fileSize in
      chunk.removeAll()
      chunk.append(rows)
      try body(chunk, first, rows.expectedCount(inFileOf: fileSize))
      first += rows.count
    }
  }
}

extension RecordReader.Rows {
  /// About how many records a file holds whose records are as long as these, a little more rather than less.
  fileprivate func expectedCount(inFileOf size: Int) -> Int {
    consumed > 0 ? Int(1.05 * Double(count) * Double(size) / Double(consumed)) + 1 : count
  }
}
