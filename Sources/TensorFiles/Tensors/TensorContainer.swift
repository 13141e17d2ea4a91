/// Named tensors that lie together: a safetensors file, an npz archive, a folder of npy files.
public protocol TensorContainer: Sendable {
  /// The path as the user gave it.
  var path: String { get }
  /// The names of the tensors, ascending.
  var names: [String] { get }
  /// Texts beside the tensors; empty where the format has none.
  var metadata: [String: String] { get }
  /// The tensor of a name.
  ///
  /// - Throws: `TensorFileError` if there is none, or it cannot be read.
  func tensor(_ name: String) throws -> TensorView
}

extension TensorContainer {
  /// The tensor of a name; `nil` where there is none.
  ///
  /// - Throws: `TensorFileError` if it is there and cannot be read.
  public func tensorIfPresent(_ name: String) throws -> TensorView? {
    names.contains(name) ? try tensor(name) : nil
  }

  func missing(_ name: String) -> TensorFileError {
    let found = names.isEmpty ? "none" : names.joined(separator: ", ")
    return TensorFileError(
      path: path, tensor: name, code: .missingTensor, detail: "not in the file; the tensors there: \(found)")
  }
}
