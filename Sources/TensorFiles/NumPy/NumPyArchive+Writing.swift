import DurableFiles

/// Writes tensors to an `.npz` archive, byte for byte as `numpy.savez` does: uncompressed members in the order given,
/// dated 1 January 1980, sizes in zip's 64-bit fields.
///
/// - Parameters:
///   - tensors: F32, F16, integers; the archive is held in memory while it is written.
///   - path: Where the file will stand; the same input gives the same bytes.
/// - Throws: `TensorFileError` if a name stands twice, values and shape do not match, numpy has no such element type or
///   the archive would pass 4 GiB; `FileError`.
public func writeNumPyArchive(_ tensors: [NamedTensor], to path: String) throws {
  var archive = ZipWriter()
  var names: Set<String> = []
  for tensor in tensors {
    func fault(_ detail: String) -> TensorFileError {
      TensorFileError(path: path, tensor: tensor.name, code: .writing, detail: detail)
    }
    guard names.insert(tensor.name).inserted else { throw fault("the name is taken") }
    guard tensor.name.utf8.count < 1 << 15, tensor.name.utf8.allSatisfy({ $0 < 0x80 }) else {
      throw fault("names in an npz archive are ASCII here")
    }
    try archive.add("\(tensor.name).npy", NumPyFile.contents(of: tensor, path: path))
    guard archive.bytes.count < 0xFFFF_0000, names.count < 0xFFFF else {
      throw fault("an npz archive of more than 4 GiB is not written here; write a safetensors file")
    }
  }
  let file = try DurableFile(at: path)
  try archive.finished().withUnsafeBytes { try file.write($0) }
  try file.commit()
}

/// Puts a zip file together as Python's `zipfile` does when numpy calls it.
private struct ZipWriter {
  private(set) var bytes: [UInt8] = []
  private var directory: [UInt8] = []
  private var count = 0

  mutating func add(_ name: String, _ contents: [UInt8]) {
    let start = bytes.count
    let size = contents.count
    let checksum = Int(crc32(contents))
    // Version 4.5, stored, 1 January 1980; the sizes stand in a 64-bit field behind the name.
    let largest = 0xFFFF_FFFF
    Self.append(&bytes, [(0x0403_4B50, 4), (45, 2), (0, 2), (0, 2), (0, 2), (0x21, 2)])
    Self.append(&bytes, [(checksum, 4), (largest, 4), (largest, 4), (name.utf8.count, 2), (20, 2)])
    bytes += Array(name.utf8)
    Self.append(&bytes, [(1, 2), (16, 2), (size, 8), (size, 8)])
    bytes += contents
    // Made by Unix, by version 4.5; no comment, disk 0, no internal attributes; mode 0600; where it begins.
    Self.append(&directory, [(0x0201_4B50, 4), (45, 1), (3, 1), (45, 2), (0, 2), (0, 2), (0, 2), (0x21, 2)])
    Self.append(
      &directory, [(checksum, 4), (size, 4), (size, 4), (name.utf8.count, 2), (0, 2), (0, 2), (0, 2), (0, 2)])
    Self.append(&directory, [(0o600 << 16, 4), (start, 4)])
    directory += Array(name.utf8)
    count += 1
  }

  func finished() -> [UInt8] {
    var end: [UInt8] = []
    Self.append(
      &end, [(0x0605_4B50, 4), (0, 4), (count, 2), (count, 2), (directory.count, 4), (bytes.count, 4), (0, 2)])
    return bytes + directory + end
  }

  /// Appends numbers, each in so many bytes, the lowest first.
  private static func append(_ bytes: inout [UInt8], _ fields: [(value: Int, width: Int)]) {
    for (value, width) in fields {
      for place in 0..<width { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * place))) }
    }
  }
}

/// The checksum of zip files: CRC-32 with the reflected polynomial EDB88320.
package func crc32(_ bytes: [UInt8]) -> UInt32 {
  var table = [UInt32](repeating: 0, count: 256)
  for byte in 0..<256 {
    var value = UInt32(byte)
    for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : (value >> 1) ^ 0xEDB8_8320 }
    table[byte] = value
  }
  var sum = UInt32.max
  for byte in bytes { sum = (sum >> 8) ^ table[Int((sum ^ UInt32(byte)) & 0xFF)] }
  return ~sum
}
