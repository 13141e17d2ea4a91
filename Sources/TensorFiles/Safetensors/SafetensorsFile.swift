import DurableFiles

/// A safetensors file, mapped into memory.
///
/// The header is read and checked on opening; a tensor's bytes only where they are used.
public struct SafetensorsFile: TensorContainer {
  /// The path as given.
  public let path: String
  /// The texts under `__metadata__`.
  public let metadata: [String: String]
  /// The names of the tensors, ascending.
  public let names: [String]
  private let entries: [String: SafetensorsHeader.Entry]
  private let file: MappedFile
  private let dataOffset: Int

  /// Opens the file at `path`.
  ///
  /// - Throws: `FileError` if it cannot be read; `TensorFileError` if its header or a tensor's place in the file is at
  ///   fault.
  public init(at path: String) throws {
    let file = try MappedFile(at: path)
    let header: SafetensorsHeader
    do {
      header = try SafetensorsHeader(bytes: file.bytes, path: path)
    } catch let error as TensorFileError {
      guard let other = ForeignFile.description(of: file.bytes, path: path) else { throw error }
      throw TensorFileError(path: path, code: .notThisFormat, detail: other)
    }
    self.path = path
    self.file = file
    metadata = header.metadata
    entries = header.entries
    names = header.entries.keys.sorted()
    dataOffset = header.dataOffset
  }

  /// The tensor of a name.
  ///
  /// - Throws: `TensorFileError` if there is none.
  public func tensor(_ name: String) throws -> TensorView {
    guard let entry = entries[name] else { throw missing(name) }
    return TensorView(
      path: path, name: name, elementType: entry.elementType, shape: entry.shape,
      bytes: UnsafeRawBufferPointer(rebasing: file.bytes[(dataOffset + entry.begin)..<(dataOffset + entry.end)]),
      owner: file)
  }
}
