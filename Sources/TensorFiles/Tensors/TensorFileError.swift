import DurableFiles

/// What is wrong with a file of tensors: which file, which tensor, and what to make of it.
public struct TensorFileError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// The file is of another format, empty, or ends early.
    case notThisFormat
    /// The header's length is not one that the file can hold.
    case headerLength
    /// The header's text cannot be understood.
    case header
    /// The element type is none that is read here.
    case elementType
    /// The shape has a negative size or more elements than can be counted.
    case shape
    /// The bytes lie outside the file, overlap others', or leave a gap.
    case offsets
    /// The bytes are not as many as shape and element type ask for.
    case byteCount
    /// A tensor that is needed is not there.
    case missingTensor
    /// Several tensors end in the name that is looked for.
    case severalPrefixes
    /// A tensor's values cannot be read as what they are needed for.
    case values
    /// What was given to be written does not fit together.
    case writing
    /// The format is understood, but this variant of it is not read.
    case unsupported
  }

  /// The path as the user gave it.
  public let path: String
  /// The tensor at fault; `nil` where it is the file.
  public let tensor: String?
  /// The kind of fault.
  public let code: Code
  /// What was found and what was expected, in words.
  public let detail: String

  /// Records a fault.
  public init(path: String, tensor: String? = nil, code: Code, detail: String) {
    self.path = path
    self.tensor = tensor
    self.code = code
    self.detail = detail
  }

  /// One line: the path, the tensor, what is wrong.
  public var description: String {
    tensor.map { "\(path): tensor '\($0)': \(detail)" } ?? "\(path): \(detail)"
  }
}
