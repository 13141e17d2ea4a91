import CVectorKernels

/// A tensor in a file: where its bytes are, not a copy of them.
///
/// The bytes stay valid while the view lives. They are in row-major order, little-endian, and need not be aligned to
/// the element's size.
public struct TensorView: @unchecked Sendable {
  /// The file that it comes from, as the user gave it.
  public let path: String
  /// Its name in the file.
  public let name: String
  /// What its elements are.
  public let elementType: TensorElementType
  /// Its sizes, outermost first; empty for a single number.
  public let shape: [Int]
  /// The number of elements.
  public let count: Int
  package let bytes: UnsafeRawBufferPointer
  /// Keeps the bytes alive: a mapped file, or memory where they had to be unpacked.
  private let owner: AnyObject

  /// - Precondition: `bytes` holds `shape`'s elements.
  package init(
    path: String, name: String, elementType: TensorElementType, shape: [Int], bytes: UnsafeRawBufferPointer,
    owner: AnyObject
  ) {
    self.path = path
    self.name = name
    self.elementType = elementType
    self.shape = shape
    self.count = bytes.count / elementType.byteCount
    self.bytes = bytes
    self.owner = owner
  }

  /// Calls `body` with the bytes as they lie in the file.
  public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try withExtendedLifetime(owner) { try body(bytes) }
  }

  /// A copy of all elements as single-precision numbers.
  ///
  /// - Throws: `TensorFileError` if they are not floating-point numbers.
  /// - Complexity: O(`count`).
  public func floats() throws -> [Float] {
    try checkFloatingPoint()
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let destination = buffer.baseAddress { widen(0..<count, into: destination) }
      initialized = count
    }
  }

  /// A copy of elements as integers.
  ///
  /// - Parameter elements: Which ones; all unless given.
  /// - Throws: `TensorFileError` if they are not integers, or one is too large.
  /// - Precondition: the range lies within `0..<count`.
  public func integers(_ elements: Range<Int>? = nil) throws -> [Int] {
    let elements = elements ?? 0..<count
    precondition(elements.lowerBound >= 0 && elements.upperBound <= count)
    switch elementType {
    case .int64: return try convert(Int64.self, elements)
    case .int32: return try convert(Int32.self, elements)
    case .int16: return try convert(Int16.self, elements)
    case .int8: return try convert(Int8.self, elements)
    case .uint64: return try convert(UInt64.self, elements)
    case .uint32: return try convert(UInt32.self, elements)
    case .uint16: return try convert(UInt16.self, elements)
    case .uint8, .bool: return try convert(UInt8.self, elements)
    default: throw fault(.values, "integers are needed, these are \(elementType.rawValue)")
    }
  }

  private func convert<Integer: FixedWidthInteger>(_: Integer.Type, _ elements: Range<Int>) throws -> [Int] {
    try withUnsafeBytes { bytes in
      try elements.map { index in
        let value = Integer(
          littleEndian: bytes.loadUnaligned(fromByteOffset: index * MemoryLayout<Integer>.size, as: Integer.self))
        guard let integer = Int(exactly: value) else { throw fault(.values, "element \(index): \(value) is too large") }
        return integer
      }
    }
  }

  /// Copies a range of elements, as single-precision numbers, to `destination`.
  ///
  /// - Returns: whether all of them are finite.
  /// - Precondition: the elements are floating-point numbers, and the range lies within `0..<count`.
  @discardableResult
  package func widen(_ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>) -> Bool {
    guard let base = bytes.baseAddress, !elements.isEmpty else { return true }
    precondition(elements.lowerBound >= 0 && elements.upperBound <= count && elementType.isFloatingPoint)
    let source = base + elements.lowerBound * elementType.byteCount
    return withExtendedLifetime(owner) {
      switch elementType {
      case .float16: bags_widen_f16(source, destination, elements.count)
      case .bfloat16: bags_widen_bf16(source, destination, elements.count)
      case .float64: Self.narrow(source, destination, elements.count)
      default: bags_copy_f32(source, destination, elements.count)
      }
    }
  }

  private static func narrow(
    _ source: UnsafeRawPointer, _ destination: UnsafeMutablePointer<Float>, _ count: Int
  ) -> Bool {
    var isFinite = true
    for index in 0..<count {
      let value = Float(source.loadUnaligned(fromByteOffset: 8 * index, as: Double.self))
      destination[index] = value
      isFinite = isFinite && value.isFinite
    }
    return isFinite
  }

  /// - Throws: `TensorFileError` if the elements are not floating-point numbers.
  package func checkFloatingPoint() throws {
    guard elementType.isFloatingPoint else {
      throw fault(.values, "floating-point numbers are needed, these are \(elementType.rawValue)")
    }
  }

  /// A fault of this tensor.
  package func fault(_ code: TensorFileError.Code, _ detail: String) -> TensorFileError {
    TensorFileError(path: path, tensor: name, code: code, detail: detail)
  }
}
