import DurableFiles

/// Detections as the text of an LVIS or COCO results file, one a line.
///
/// Texts are made on any thread and handed to a `DetectionResultsWriter` in order.
public struct DetectionResultsText: Sendable {
  /// The number of detections in the text.
  public private(set) var count = 0
  package private(set) var bytes: [UInt8] = []

  /// Makes a text without detections.
  public init() {}

  /// Adds another text's detections.
  package mutating func append(_ other: DetectionResultsText) {
    if other.count == 0 { return }
    if count > 0 { bytes.append(contentsOf: ",\n".utf8) }
    bytes += other.bytes
    count += other.count
  }

  /// Takes over a text that another process made: its number of detections, then its bytes.
  package init(message: [UInt8]) {
    count = message.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    bytes = Array(message.dropFirst(8))
  }

  /// What another process takes over.
  package var message: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + bytes }

  /// Adds a detection.
  ///
  /// Numbers are written with as few digits as give the same `Float` when read.
  ///
  /// - Parameters:
  ///   - imageID: The image.
  ///   - categoryID: The category.
  ///   - box: x, y, width, height in absolute pixels; finite.
  ///   - score: Finite.
  public mutating func add(imageID: Int, categoryID: Int, box: SIMD4<Float>, score: Float) {
    append(count == 0 ? "{\"image_id\":" : ",\n{\"image_id\":")
    append(imageID.description)
    append(",\"category_id\":")
    append(categoryID.description)
    append(",\"bbox\":[")
    for index in 0..<4 {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      append(box[index].description)
    }
    append("],\"score\":")
    append(score.description)
    bytes.append(UInt8(ascii: "}"))
    count += 1
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
}

/// Writes an LVIS or COCO results file piece by piece; nothing stands at the path before `commit()`.
public final class DetectionResultsWriter {
  /// The number of detections written so far.
  public private(set) var count = 0
  private let file: DurableFile
  private let compressor: GzipWriter?

  /// Begins a results file, compressed by gzip where its name ends in `.gz`.
  ///
  /// - Throws: `FileError` if it cannot be written.
  public init(at path: String) throws {
    file = try DurableFile(at: path)
    compressor = path.hasSuffix(".gz") ? try GzipWriter(file) : nil
    try write("[")
  }

  private func write(_ text: String) throws {
    var text = text
    try text.withUTF8 { try write(UnsafeRawBufferPointer($0)) }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws {
    if let compressor { try compressor.write(bytes) } else { try file.write(bytes) }
  }

  /// Appends detections.
  ///
  /// - Throws: `FileError`.
  public func append(_ text: DetectionResultsText) throws {
    guard text.count > 0 else { return }
    try write(count == 0 ? "\n" : ",\n")
    try text.bytes.withUnsafeBytes { try write($0) }
    count += text.count
  }

  /// Flushes to the disk and puts the file in its place.
  ///
  /// - Throws: `FileError`; what stood at the path is then as it was.
  public func commit() throws {
    try write("\n]\n")
    try compressor?.finish()
    try file.commit()
  }
}
