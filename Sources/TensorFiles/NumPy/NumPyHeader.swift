/// The header of a `.npy` file: magic, version, and a Python dictionary that says what the bytes behind it are
/// (numpy.lib.format, versions 1.0 to 3.0).
struct NumPyHeader {
  let elementType: TensorElementType
  let shape: [Int]
  /// Where the elements begin.
  let dataOffset: Int
  /// The elements' bytes.
  let byteCount: Int

  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  /// Reads a header.
  ///
  /// - Parameters:
  ///   - bytes: A whole `.npy` file.
  ///   - fault: Makes an error for this file.
  /// - Throws: What `fault` makes, if this is no `.npy` file, is cut off, or holds what is not read here.
  init(bytes: UnsafeRawBufferPointer, fault: (TensorFileError.Code, String) -> TensorFileError) throws {
    guard bytes.count >= 10, bytes.starts(with: Self.magic) else {
      throw fault(.notThisFormat, "no npy file: it does not begin with \\x93NUMPY and a version")
    }
    let version = bytes[6]
    let prefixCount: Int
    let length: Int
    switch version {
    case 1:
      prefixCount = 10
      length = Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)))
    case 2, 3:
      guard bytes.count >= 12 else { throw fault(.headerLength, "ends within its header's length") }
      prefixCount = 12
      length = Int(UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt32.self)))
    default: throw fault(.unsupported, "npy version \(version).\(bytes[7]) is not read here; 1.0 to 3.0 are")
    }
    guard length <= bytes.count - prefixCount else {
      throw fault(
        .headerLength,
        "ends within its header: \(length) bytes are announced, \(bytes.count - prefixCount) are there")
    }
    dataOffset = prefixCount + length
    let text = bytes[prefixCount..<dataOffset]
    let dictionary: [String: PythonLiteral]
    do {
      dictionary = try PythonLiteral.dictionary(Array(text))
    } catch {
      throw fault(.header, "the header cannot be understood: \(error)")
    }
    guard case .list(let sizes)? = dictionary["shape"] else {
      throw fault(.header, "the header has no shape, or one that is no tuple")
    }
    shape = try sizes.map { size in
      guard case .integer(let value) = size else { throw fault(.header, "the shape is no tuple of integers") }
      return value
    }
    guard case .boolean(let isFortranOrder)? = dictionary["fortran_order"] else {
      throw fault(.header, "the header has no fortran_order that is True or False")
    }
    elementType = try Self.elementType(dictionary["descr"], fault: fault)
    guard shape.count <= mostDimensions else {
      throw fault(.shape, "its shape has \(shape.count) sizes; \(mostDimensions) at most are read")
    }
    guard let byteCount = checkedByteCount(of: shape, elementType) else {
      throw fault(.shape, "shape \(shape) has a negative size or too many elements")
    }
    // The order makes no difference where at most one size is not 1.
    if isFortranOrder, shape.filter({ $0 != 1 }).count > 1, byteCount > 0 {
      throw fault(
        .unsupported,
        "is in Fortran order (column by column); write numpy.ascontiguousarray(array), which is row by row")
    }
    self.byteCount = byteCount
    let found = bytes.count - dataOffset
    guard found >= byteCount else {
      throw fault(
        .byteCount,
        "\(elementType.rawValue) \(shape) needs \(byteCount) bytes, \(found) are there: the file is cut off")
    }
    guard found == byteCount else {
      throw fault(
        .byteCount,
        "\(found - byteCount) bytes follow the array of \(elementType.rawValue) \(shape); one array a file is expected")
    }
  }

  private static func elementType(
    _ description: PythonLiteral?, fault: (TensorFileError.Code, String) -> TensorFileError
  ) throws -> TensorElementType {
    let advice = "; write it with array.astype('<f4'), or '<i8' where it holds integers"
    switch description {
    case .text(let text):
      let code = text.dropFirst()
      guard let order = text.first, let type = Self.types[String(code)] else {
        throw fault(.elementType, "element type '\(text)' is not read here\(advice)")
      }
      guard order == "<" || order == "=" || type.byteCount == 1 else {
        throw fault(
          order == ">" ? .unsupported : .elementType,
          order == ">" ? "is big-endian ('\(text)')\(advice)" : "element type '\(text)' is not read here\(advice)")
      }
      return type
    case .list: throw fault(.elementType, "is an array of records; write each field as an array of its own")
    default: throw fault(.header, "the header has no descr")
    }
  }

  /// The types by numpy's codes without the byte order.
  static let types: [String: TensorElementType] = [
    "b1": .bool, "u1": .uint8, "i1": .int8, "i2": .int16, "u2": .uint16, "f2": .float16, "i4": .int32, "u4": .uint32,
    "f4": .float32, "f8": .float64, "i8": .int64, "u8": .uint64,
  ]
}
