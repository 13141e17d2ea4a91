import DurableFiles
import Foundation

/// Opens what holds named tensors: a safetensors file, an `.npz` archive, or a folder of `.npy` files.
///
/// A file's first bytes tell which it is, not its name.
///
/// - Throws: `FileError` if it cannot be read; `TensorFileError` if it is none of them, or at fault.
public func openTensors(at path: String) throws -> any TensorContainer {
  var isFolder: ObjCBool = false
  if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
    return try NumPyFolder(at: path)
  }
  let file = try MappedFile(at: path)
  let start = withExtendedLifetime(file) { [UInt8](file.bytes.prefix(6)) }
  if start.starts(with: Array("PK".utf8)), [3, 5].contains(start.dropFirst(2).first) {
    return try NumPyArchive(at: path)
  }
  if start == NumPyHeader.magic {
    throw TensorFileError(
      path: path, code: .notThisFormat,
      detail: "is one npy array without a name; name the folder that it lies in, or write all arrays with numpy.savez")
  }
  return try SafetensorsFile(at: path)
}
