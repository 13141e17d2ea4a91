import CVectorKernels
import DurableFiles
import Foundation

extension NumPyFile {
  /// Writes a matrix of 64-bit integers (`<i8`), version 1.0 of the format, byte for byte as `numpy.save` does.
  ///
  /// - Parameters:
  ///   - rows: The matrix, row by row; all rows are of one length.
  ///   - path: Where the file will stand.
  /// - Throws: `TensorFileError` if the rows differ in length; `FileError`, what stood at `path` being then as it was.
  public static func write(_ rows: [[Int64]], to path: String) throws {
    let columns = rows.first?.count ?? 0
    if let row = rows.firstIndex(where: { $0.count != columns }) {
      throw TensorFileError(
        path: path, code: .writing, detail: "row \(row) has \(rows[row].count) values, row 0 has \(columns)")
    }
    let tensor = NamedTensor("matrix", integers: rows.flatMap(\.self), shape: [rows.count, columns])
    let file = try DurableFile(at: path)
    try contents(of: tensor, path: path).withUnsafeBytes { try file.write($0) }
    try file.commit()
  }

  /// A tensor as a whole `.npy` file.
  ///
  /// - Throws: `TensorFileError` if values and shape do not match, or numpy has no such element type (BF16).
  static func contents(of tensor: NamedTensor, path: String) throws -> [UInt8] {
    func fault(_ detail: String) -> TensorFileError {
      TensorFileError(path: path, tensor: tensor.name, code: .writing, detail: detail)
    }
    guard let code = NumPyHeader.types.first(where: { $0.value == tensor.elementType })?.key else {
      throw fault("numpy has no \(tensor.elementType.rawValue); write F16 or F32, or a safetensors file")
    }
    let bytes: [UInt8]
    switch tensor.values {
    case .bytes(let values): bytes = values
    case .integers(let values): bytes = values.withUnsafeBytes { [UInt8]($0) }
    case .floats(let values) where tensor.elementType == .float32: bytes = values.withUnsafeBytes { [UInt8]($0) }
    case .floats(let values) where tensor.elementType == .float16:
      bytes = [UInt8](unsafeUninitializedCapacity: 2 * values.count) { buffer, count in
        if let destination = buffer.baseAddress { bags_narrow_f16(values, destination, values.count) }
        count = 2 * values.count
      }
    case .floats: throw fault("floating-point numbers cannot be stored as \(tensor.elementType.rawValue)")
    }
    guard bytes.count == checkedByteCount(of: tensor.shape, tensor.elementType) else {
      throw fault("\(bytes.count) bytes are no \(tensor.elementType.rawValue) \(tensor.shape)")
    }
    return try header(code: (tensor.elementType.byteCount == 1 ? "|" : "<") + code, shape: tensor.shape, fault: fault)
      + bytes
  }

  /// Magic, version, and a Python dictionary padded with spaces to a multiple of 64 bytes.
  private static func header(
    code: String, shape: [Int], fault: (String) -> TensorFileError
  ) throws -> [UInt8] {
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let dictionary = "{'descr': '\(code)', 'fortran_order': False, 'shape': (\(sizes)), }"
    let prefixCount = 10
    let padding = (64 - (prefixCount + dictionary.utf8.count + 1) % 64) % 64
    let text = dictionary + String(repeating: " ", count: padding) + "\n"
    guard let count = UInt16(exactly: text.utf8.count) else { throw fault("has too many dimensions") }
    return NumPyHeader.magic + [1, 0, UInt8(count & 0xFF), UInt8(count >> 8)] + Array(text.utf8)
  }
}
