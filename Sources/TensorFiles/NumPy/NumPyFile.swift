import DurableFiles
import Foundation

/// NumPy's `.npy` files: one array each (numpy.lib.format).
public enum NumPyFile {
  /// The array of a file, mapped into memory.
  ///
  /// - Parameters:
  ///   - path: The file.
  ///   - name: What to call the array.
  /// - Throws: `FileError` if it cannot be read; `TensorFileError` if it is no such file, is cut off, is in Fortran order
  ///   or big-endian, or holds something other than numbers.
  public static func tensor(at path: String, name: String) throws -> TensorView {
    let file = try MappedFile(at: path)
    return try tensor(file.bytes, path: path, name: name, owner: file)
  }

  /// The array of a file that lies in memory.
  static func tensor(
    _ bytes: UnsafeRawBufferPointer, path: String, name: String, owner: AnyObject
  ) throws -> TensorView {
    let header = try NumPyHeader(bytes: bytes) { TensorFileError(path: path, tensor: name, code: $0, detail: $1) }
    return TensorView(
      path: path, name: name, elementType: header.elementType, shape: header.shape,
      bytes: UnsafeRawBufferPointer(rebasing: bytes[header.dataOffset..<header.dataOffset + header.byteCount]),
      owner: owner)
  }
}

/// A folder of `.npy` files, each named as its array: `features.npy`, `boxes.npy`, ….
public struct NumPyFolder: TensorContainer {
  /// The folder as given.
  public let path: String
  /// The names of the files without `.npy`, ascending.
  public let names: [String]
  /// There are none.
  public var metadata: [String: String] { [:] }
  private let tensors: [String: TensorView]

  /// Maps every `.npy` file of a folder.
  ///
  /// - Throws: `FileError` if the folder or a file cannot be read; `TensorFileError` if a file is at fault.
  public init(at path: String) throws {
    self.path = path
    let files: [String]
    do {
      files = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw FileError(path: path, operation: "list the folder", code: ENOENT)
    }
    names = files.filter { $0.hasSuffix(".npy") && !$0.hasPrefix(".") }.map { String($0.dropLast(4)) }.sorted()
    var tensors: [String: TensorView] = [:]
    for name in names {
      tensors[name] = try NumPyFile.tensor(
        at: (path as NSString).appendingPathComponent("\(name).npy"), name: name)
    }
    self.tensors = tensors
  }

  /// The array of a name.
  ///
  /// - Throws: `TensorFileError` if there is none.
  public func tensor(_ name: String) throws -> TensorView {
    guard let tensor = tensors[name] else { throw missing(name) }
    return tensor
  }
}
