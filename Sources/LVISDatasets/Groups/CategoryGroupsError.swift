import DurableFiles

/// Why classes could not be grouped.
public struct CategoryGroupsError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// It is no groups.json.
    case format
    /// It is the groups.json of a later version.
    case version
    /// The boundaries do not ascend from above 0, or the classes have too few different counts for them.
    case boundaries
    /// There is no class, or two have the same id.
    case classes
    /// A class's count is missing, impossible, or contradicts its group.
    case counts
  }

  /// The kind of fault.
  public let code: Code
  /// The file, as the user gave it; `nil` where the groups are no file's.
  public let path: String?
  /// The field, such as `categories[3].group`; `nil` where it is none in particular.
  public let place: String?
  /// What was found and what was expected, in words.
  public let detail: String

  init(_ code: Code, _ detail: String, path: String? = nil, place: String? = nil) {
    self.code = code
    self.path = path
    self.place = place
    self.detail = detail
  }

  /// The same fault, found in a file.
  package func inFile(_ path: String) -> CategoryGroupsError {
    CategoryGroupsError(code, detail, path: path, place: place)
  }

  /// One line: the file, the field, what is wrong.
  public var description: String {
    (path.map { "\($0): " } ?? "") + (place.map { "\($0) " } ?? "") + detail
  }
}
