import DurableFiles

/// What is wrong with a feature set: which file, which tensor, which row.
public struct FeatureSetError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// It is a set of another kind: feature maps in place of RoIs, or images without boxes.
    case kind
    /// A text beside the tensors that says how the set is used makes no sense.
    case metadata
    /// There are no shards, or no RoIs in them.
    case empty
    /// A tensor has another shape than it needs.
    case shape
    /// A tensor has another element type than it needs.
    case elementType
    /// A shard lacks a tensor that others have, has other sizes, or is of another format.
    case mixedShards
    /// Image ids do not ascend.
    case imageOrder
    /// A box is not finite, or its corners are in the wrong order.
    case box
    /// A number that must be finite is not.
    case notFinite
    /// A label is no category's id.
    case label
    /// An image is not among the annotations'.
    case image
    /// What was given to be written does not fit together.
    case writing
  }

  /// The shard, or the folder, as the user gave it.
  public let path: String
  /// The tensor at fault; `nil` where it is none in particular.
  public let tensor: String?
  /// The row within the shard, from 0; `nil` where it is none in particular.
  public let row: Int?
  /// The kind of fault.
  public let code: Code
  /// What was found and what was expected, in words.
  public let detail: String

  package init(path: String, tensor: String? = nil, row: Int? = nil, code: Code, detail: String) {
    self.path = path
    self.tensor = tensor
    self.row = row
    self.code = code
    self.detail = detail
  }

  /// One line: the file, the tensor, the row, what is wrong.
  public var description: String {
    var place = path
    if let tensor { place += ": tensor '\(tensor)'" }
    if let row { place += ", row \(row)" }
    return "\(place): \(detail)"
  }
}
