import DurableFiles
import Foundation
import TensorFiles

/// Detections as columns of a tensor file, many times as small and as fast to read as a JSON list.
///
/// Shapes, for n detections: `image_ids` [n] and `category_ids` [n], integers; `boxes` [n, 4] in pixels of the image, and
/// `scores` [n], floating-point numbers. Boxes are x, y, width and height, as in LVIS's results, or the corners x1, y1,
/// x2, y2 where the file's metadata have `boxes` as `xyxy`. The file is safetensors, an npz archive that `numpy.savez`
/// wrote, or a folder of npy arrays; what it is is told by its first bytes.
struct DetectionTensors {
  private let imageIDs: TensorView
  private let categoryIDs: TensorView
  private let boxes: TensorView
  private let scores: TensorView
  private let boxesAreCorners: Bool

  /// The number of detections.
  var count: Int { scores.count }

  /// Opens a file of columns.
  ///
  /// - Returns: `nil` for a file of another kind, such as JSON.
  /// - Throws: `FileError` if it cannot be read; `TensorFileError` if it holds tensors, but not these.
  init?(at path: String) throws {
    guard let file = try Self.container(at: path) else { return nil }
    imageIDs = try file.tensor("image_ids")
    categoryIDs = try file.tensor("category_ids")
    boxes = try file.tensor("boxes")
    scores = try file.tensor("scores")
    let count = scores.count
    for (tensor, shape) in [(scores, [count]), (imageIDs, [count]), (categoryIDs, [count]), (boxes, [count, 4])] {
      guard tensor.shape == shape else {
        throw tensor.fault(.shape, "has shape \(tensor.shape), but for the \(count) scores \(shape) is expected")
      }
    }
    for tensor in [boxes, scores] { try tensor.checkFloatingPoint() }
    // An npz archive has no metadata: its boxes are those of LVIS's results.
    let form = file.metadata["boxes"] ?? "xywh"
    guard ["xywh", "xyxy"].contains(form) else {
      throw boxes.fault(.values, "the metadata call the boxes '\(form)'; xywh and xyxy are known")
    }
    boxesAreCorners = form == "xyxy"
  }

  /// The container of tensors at a path; `nil` where something else stands there.
  fileprivate static func container(at path: String) throws -> (any TensorContainer)? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    if status.st_mode & S_IFMT == S_IFDIR {
      return FileManager.default.fileExists(atPath: "\(path)/scores.npy") ? try openTensors(at: path) : nil
    }
    guard status.st_mode & S_IFMT == S_IFREG, status.st_size > 8 else { return nil }
    let file = try MappedFile(at: path)
    let start = withExtendedLifetime(file) { [UInt8](file.bytes.prefix(9)) }
    // The length of a safetensors header, far below 4 GiB, and the bracket that it begins with: no JSON has such zeros.
    if start.count == 9, start[4..<8].allSatisfy({ $0 == 0 }), start[8] == UInt8(ascii: "{") {
      return try SafetensorsFile(at: path)
    }
    guard start.starts(with: "PK".utf8) else { return nil }
    do {
      let archive = try NumPyArchive(at: path)
      return archive.names.isEmpty ? nil : archive
    } catch let error as TensorFileError where error.code != .unsupported {
      // Another zip file, perhaps a packed list.
      return nil
    }
  }

  /// Hands the detections on in chunks.
  ///
  /// - Throws: `TensorFileError` if an id is no integer of 64 bits; what `body` throws.
  func forEachChunk(
    _ contents: DetectionColumns.Contents, rows: Int,
    _ body: (_ chunk: borrowing DetectionColumns, _ first: Int) throws -> Void
  ) throws {
    var chunk = DetectionColumns()
    if contents.contains(.segmentations) { chunk.segmentations = SegmentationColumns() }
    var first = 0
    repeat {
      let range = first..<min(count, first + rows)
      chunk.removeAll()
      try append(range, to: &chunk)
      try body(chunk, first)
      first = range.upperBound
    } while first < count
  }

  /// Appends some of the detections.
  func append(_ range: Range<Int>, to columns: inout DetectionColumns) throws {
    columns.imageIDs += try imageIDs.integers(range)
    columns.categoryIDs += try categoryIDs.integers(range)
    columns.scores += scores.doubles(range)
    let values = boxes.doubles(4 * range.lowerBound..<4 * range.upperBound)
    values.withUnsafeBufferPointer { values in
      columns.boxes.append(
        contentsOf: (0..<range.count).lazy.map { row in
          let (x, y, third, fourth) = (values[4 * row], values[4 * row + 1], values[4 * row + 2], values[4 * row + 3])
          return boxesAreCorners
            ? BoundingBox(x: x, y: y, width: third - x, height: fourth - y)
            : BoundingBox(x: x, y: y, width: third, height: fourth)
        })
    }
    columns.presences.append(contentsOf: repeatElement(.box, count: range.count))
    for _ in 0..<(columns.segmentations == nil ? 0 : range.count) { columns.segmentations?.append(nil) }
  }
}

extension DetectionColumns {
  /// Whether a file looks like results: JSON, compressed or not, or columns of tensors with image ids and scores. A head's
  /// file does not.
  ///
  /// - Throws: `FileError` or `TensorFileError` where it cannot be read.
  public static func areLikely(at path: String) throws -> Bool {
    if let file = try DetectionTensors.container(at: path) {
      return ["image_ids", "scores"].allSatisfy(file.names.contains)
    }
    let file = try MappedFile(at: path)
    return withExtendedLifetime(file) {
      if file.bytes.starts(with: [0x1F, 0x8B]) { return true }
      // A byte order mark and white space may come first.
      let first = file.bytes.prefix(64).first { ![0xEF, 0xBB, 0xBF, 0x20, 0x0A, 0x0D, 0x09].contains($0) }
      return first == UInt8(ascii: "[") || first == UInt8(ascii: "{")
    }
  }

  /// Writes detections as columns of a safetensors file, or of an npz archive where the path ends in `.npz`: ids as integers as short as they fit, boxes x, y, width, height
  /// and scores in single precision, about 26 bytes a detection.
  ///
  /// A detector's numbers are of single precision: what is read again is what was written, and scores the same, digit by
  /// digit. Half precision would not do: from 1,024 pixels on it knows whole pixels alone, and equal scores would be
  /// sorted otherwise.
  ///
  /// - Parameters:
  ///   - path: Where the file will stand.
  ///   - metadata: Texts to keep beside the columns; an npz archive has none.
  /// - Throws: `FileError` if it cannot be written; what stood there is then as it was. `TensorFileError` for an npz archive
  ///   of 4 GiB and more.
  public func writeTensors(to path: String, metadata: [String: String] = [:]) throws {
    let tensors: [NamedTensor] = [
      .shortIntegers("image_ids", imageIDs), .shortIntegers("category_ids", categoryIDs),
      NamedTensor(
        "boxes", floats: boxes.flatMap { [Float($0.x), Float($0.y), Float($0.width), Float($0.height)] },
        shape: [count, 4]),
      NamedTensor("scores", floats: scores.map { Float($0) }, shape: [count]),
    ]
    if path.hasSuffix(".npz") { return try writeNumPyArchive(tensors, to: path) }
    let own = ["format": "bags-detections", "boxes": "xywh"]
    try writeSafetensors(tensors, metadata: metadata.merging(own) { $1 }, to: path)
  }

  /// Whether a file of that name is written as columns of tensors.
  package static func areTensors(at path: String) -> Bool { path.hasSuffix(".safetensors") || path.hasSuffix(".npz") }
}

extension NamedTensor {
  /// Integers in the shortest of 16, 32 and 64 bits that holds them all.
  fileprivate static func shortIntegers(_ name: String, _ values: [Int]) -> NamedTensor {
    func tensor<Integer: FixedWidthInteger>(_: Integer.Type, _ elementType: TensorElementType) -> NamedTensor {
      let bytes = values.flatMap { value in withUnsafeBytes(of: Integer(value).littleEndian) { Array($0) } }
      return NamedTensor(name, bytes: bytes, elementType: elementType, shape: [values.count])
    }
    let (low, high) = (values.min() ?? 0, values.max() ?? 0)
    if Int16(exactly: low) != nil, Int16(exactly: high) != nil { return tensor(Int16.self, .int16) }
    if Int32(exactly: low) != nil, Int32(exactly: high) != nil { return tensor(Int32.self, .int32) }
    return tensor(Int64.self, .int64)
  }
}

extension TensorView {
  /// A copy of floating-point numbers in double precision.
  fileprivate func doubles(_ elements: Range<Int>) -> [Double] {
    guard elementType == .float64 else {
      let values = [Float](unsafeUninitializedCapacity: elements.count) { buffer, initialized in
        if let destination = buffer.baseAddress { widen(elements, into: destination) }
        initialized = elements.count
      }
      return values.map { Double($0) }
    }
    return withUnsafeBytes { bytes in
      elements.map { index in
        Double(bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)))
      }
    }
  }
}
