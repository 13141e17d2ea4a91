import DurableFiles

/// An `.npz` archive as `numpy.savez` writes it: a zip file of uncompressed `.npy` files, mapped into memory.
///
/// The archive's directory and every array's header are read and checked on opening; a tensor's bytes only where they
/// are used. Checksums are not verified: that would read all of a file that may be larger than memory.
public struct NumPyArchive: TensorContainer {
  /// The path as given.
  public let path: String
  /// The names of the arrays, ascending.
  public let names: [String]
  /// There are none.
  public var metadata: [String: String] { [:] }
  private let tensors: [String: TensorView]

  /// Opens the archive at `path`.
  ///
  /// - Throws: `FileError` if it cannot be read; `TensorFileError` if it is no zip file, is cut off, holds compressed
  ///   arrays, or an array is at fault.
  public init(at path: String) throws {
    let file = try MappedFile(at: path)
    var tensors: [String: TensorView] = [:]
    let members = try ZipDirectory(bytes: file.bytes, path: path).members
    if let other = ForeignFile.description(ofArchiveWith: members.map(\.name), path: path) {
      throw TensorFileError(path: path, code: .notThisFormat, detail: other)
    }
    for member in members where member.name.hasSuffix(".npy") {
      let name = String(member.name.dropLast(4))
      guard tensors[name] == nil else {
        throw TensorFileError(path: path, tensor: name, code: .header, detail: "stands twice in the archive")
      }
      guard member.method == 0 else {
        throw TensorFileError(
          path: path, tensor: name, code: .unsupported,
          detail: "is compressed, and compressed arrays cannot be mapped into memory; write the archive with "
            + "numpy.savez, not numpy.savez_compressed")
      }
      tensors[name] = try NumPyFile.tensor(
        UnsafeRawBufferPointer(rebasing: file.bytes[member.bytes]), path: path, name: name, owner: file)
    }
    self.path = path
    self.tensors = tensors
    names = tensors.keys.sorted()
  }

  /// The array of a name.
  ///
  /// - Throws: `TensorFileError` if there is none.
  public func tensor(_ name: String) throws -> TensorView {
    guard let tensor = tensors[name] else { throw missing(name) }
    return tensor
  }
}
