import DurableFiles
import Foundation

/// Writes NumPy's `.npy` files, version 1.0 of the format (numpy.lib.format), byte for byte as `numpy.save` does.
public enum NumPyFile {
  /// Writes a matrix of 64-bit integers (`<i8`).
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
    let file = try DurableFile(at: path)
    try header(elementType: "<i8", shape: [rows.count, columns]).withUnsafeBytes { try file.write($0) }
    for row in rows {
      try row.map(\.littleEndian).withUnsafeBytes { try file.write($0) }
    }
    try file.commit()
  }

  /// Magic, version, and a Python dictionary padded with spaces to a multiple of 64 bytes.
  private static func header(elementType: String, shape: [Int]) -> [UInt8] {
    let sizes = shape.map(String.init).joined(separator: ", ")
    let dictionary = "{'descr': '\(elementType)', 'fortran_order': False, 'shape': (\(sizes)), }"
    let prefixCount = 10
    let padding = (64 - (prefixCount + dictionary.utf8.count + 1) % 64) % 64
    let text = dictionary + String(repeating: " ", count: padding) + "\n"
    let count = UInt16(text.utf8.count)
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 0xFF), UInt8(count >> 8)] + Array(text.utf8)
  }
}
