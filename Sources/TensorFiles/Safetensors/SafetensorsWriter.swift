import CVectorKernels
import DurableFiles

/// Writes a safetensors file tensor by tensor, a piece at a time: for more than fits into memory.
///
/// Names, element types and shapes are known beforehand, the bytes follow in the order of `order`. Nothing stands at the
/// path before `commit()`. The layout is the safetensors library's, byte for byte: tensors by descending element type,
/// then by name; the header padded with spaces to a multiple of 8.
public final class SafetensorsWriter {
  /// The name, type and shape of a tensor, which the header states before the bytes follow.
  public struct Description: Sendable {
    /// The name of the tensor in the file.
    public let name: String
    /// The type of its elements.
    public let elementType: TensorElementType
    /// The sizes of its dimensions, the outermost first.
    public let shape: [Int]

    /// Describes a tensor.
    public init(name: String, elementType: TensorElementType, shape: [Int]) {
      self.name = name
      self.elementType = elementType
      self.shape = shape
    }
  }

  /// The tensors in the order in which their bytes are to be written.
  public let order: [Description]
  private let path: String
  private let file: DurableFile
  private let byteCounts: [Int]
  private var current = 0
  private var written = 0

  /// Writes the header.
  ///
  /// - Parameters:
  ///   - path: Where the file will stand.
  ///   - tensors: What it will hold, in any order.
  ///   - metadata: Texts to keep beside the tensors.
  /// - Throws: `TensorFileError` if a name stands twice or a shape cannot be; `FileError`.
  public init(at path: String, tensors: [Description], metadata: [String: String] = [:]) throws {
    self.path = path
    order = tensors.sorted {
      ($1.elementType.fileRank, $0.name.utf8Key) < ($0.elementType.fileRank, $1.name.utf8Key)
    }
    var names: Set<String> = ["__metadata__"]
    var entries: [String] = []
    var byteCounts: [Int] = []
    var offset = 0
    for tensor in order {
      func fault(_ detail: String) -> TensorFileError {
        TensorFileError(path: path, tensor: tensor.name, code: .writing, detail: detail)
      }
      guard names.insert(tensor.name).inserted else { throw fault("the name is taken") }
      guard let count = checkedByteCount(of: tensor.shape, tensor.elementType) else {
        throw fault("shape \(tensor.shape) has a negative size or too many elements")
      }
      let (end, overflows) = offset.addingReportingOverflow(count)
      guard !overflows else { throw fault("the file would be too large") }
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      entries.append(
        "\(tensor.name.jsonQuoted):{\"dtype\":\"\(tensor.elementType.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      byteCounts.append(count)
      offset = end
    }
    self.byteCounts = byteCounts
    if !metadata.isEmpty {
      let texts = metadata.sorted { $0.key < $1.key }.map { "\($0.key.jsonQuoted):\($0.value.jsonQuoted)" }
      entries.insert("\"__metadata__\":{\(texts.joined(separator: ","))}", at: 0)
    }
    var header = "{\(entries.joined(separator: ","))}"
    header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    guard header.utf8.count <= SafetensorsHeader.longestLength else {
      throw TensorFileError(path: path, code: .writing, detail: "the header would pass 100 MB, which no reader accepts")
    }
    file = try DurableFile(at: path)
    try withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { try file.write($0) }
    try file.write(header)
    skipEmptyTensors()
  }

  /// Appends bytes of the tensor that is due.
  ///
  /// - Parameters:
  ///   - bytes: Row-major, little-endian.
  ///   - name: The tensor that they belong to.
  /// - Throws: `TensorFileError` if another tensor is due or these are more bytes than it has left; `FileError`.
  public func write(_ bytes: UnsafeRawBufferPointer, to name: String) throws {
    if bytes.isEmpty { return }
    func fault(_ detail: String) -> TensorFileError {
      TensorFileError(path: path, tensor: name, code: .writing, detail: detail)
    }
    guard current < order.count else { throw fault("every tensor's bytes are written already") }
    guard order[current].name == name else { throw fault("the bytes of '\(order[current].name)' are due") }
    guard bytes.count <= byteCounts[current] - written else { throw fault("more bytes than its shape holds") }
    try file.write(bytes)
    written += bytes.count
    if written == byteCounts[current] {
      current += 1
      written = 0
      skipEmptyTensors()
    }
  }

  /// Appends floating-point numbers to the tensor that is due, in its element type: F32, F16 or BF16 (rounded to
  /// nearest, ties to even).
  ///
  /// - Throws: as `write(_:to:)`; also where the tensor is of another element type.
  public func write(_ values: UnsafeBufferPointer<Float>, to name: String) throws {
    guard let base = values.baseAddress, !values.isEmpty else { return }
    guard current < order.count, order[current].name == name else {
      return try write(UnsafeRawBufferPointer(values), to: name)
    }
    let narrow: (UnsafePointer<Float>, UnsafeMutableRawPointer, Int) -> Void
    switch order[current].elementType {
    case .float32: return try write(UnsafeRawBufferPointer(values), to: name)
    case .float16: narrow = { bags_narrow_f16($0, $1, $2) }
    case .bfloat16: narrow = { bags_narrow_bf16($0, $1, $2) }
    case let other:
      throw TensorFileError(
        path: path, tensor: name, code: .writing, detail: "floating-point numbers cannot be stored as \(other.rawValue)"
      )
    }
    let piece = 1 << 15
    var start = 0
    while start < values.count {
      let count = min(piece, values.count - start)
      try withUnsafeTemporaryAllocation(byteCount: 2 * count, alignment: 32) { buffer in
        if let destination = buffer.baseAddress { narrow(base + start, destination, count) }
        try write(UnsafeRawBufferPointer(buffer), to: name)
      }
      start += count
    }
  }

  /// Flushes to the disk and puts the file in its place.
  ///
  /// - Throws: `TensorFileError` if bytes are missing; `FileError`. What stood at the path is then as it was.
  public func commit() throws {
    guard current == order.count else {
      throw TensorFileError(
        path: path, tensor: order[current].name, code: .writing,
        detail: "\(byteCounts[current] - written) bytes are missing")
    }
    try file.commit()
  }

  private func skipEmptyTensors() {
    while current < order.count && byteCounts[current] == 0 { current += 1 }
  }
}

/// Writes tensors to a safetensors file in one go.
///
/// - Parameters:
///   - tensors: In any order; the file's is that of `SafetensorsWriter`.
///   - metadata: Texts to keep beside them.
///   - path: Where the file will stand; the same input gives the same bytes.
/// - Throws: `TensorFileError` if values and shape do not match; `FileError`.
public func writeSafetensors(
  _ tensors: [NamedTensor], metadata: [String: String] = [:], to path: String
) throws {
  let writer = try SafetensorsWriter(
    at: path,
    tensors: tensors.map { .init(name: $0.name, elementType: $0.elementType, shape: $0.shape) }, metadata: metadata)
  for description in writer.order {
    for tensor in tensors where tensor.name == description.name {
      switch tensor.values {
      case .floats(let values): try values.withUnsafeBufferPointer { try writer.write($0, to: tensor.name) }
      case .integers(let values): try values.withUnsafeBytes { try writer.write($0, to: tensor.name) }
      case .bytes(let values): try values.withUnsafeBytes { try writer.write($0, to: tensor.name) }
      }
    }
  }
  try writer.commit()
}

extension String {
  /// Orders by UTF-8 bytes, as the safetensors library does, not by Unicode's rules.
  fileprivate var utf8Key: UTF8Key { UTF8Key(text: self) }

  fileprivate var jsonQuoted: String {
    var quoted = "\""
    for scalar in unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\u{8}": quoted += "\\b"
      case "\u{9}": quoted += "\\t"
      case "\u{A}": quoted += "\\n"
      case "\u{C}": quoted += "\\f"
      case "\u{D}": quoted += "\\r"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}

private struct UTF8Key: Comparable {
  let text: String
  static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }
  static func < (left: Self, right: Self) -> Bool { left.text.utf8.lexicographicallyPrecedes(right.text.utf8) }
}
