import DurableFiles

/// Why a head could not be brought into another form.
public struct ModelExportError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// Layers have sizes that do not fit each other, or the classes.
    case wrongShape
    /// A list of classes, a file or a stage is for other classes.
    case wrongClasses
    /// A file does not name its classes, and no others were given.
    case unnamedClasses
    /// A layout has a name that is not known.
    case unknownName
    /// A file has no layer under the framework's keys.
    case missingTensor
    /// The other form has nothing like this head.
    case unsupported
    /// A number is beyond the precision that was asked for.
    case outOfRange
  }

  /// The kind of fault.
  public let code: Code
  /// The file, as the user gave it; `nil` for a head in memory.
  public let path: String?
  /// What was found and what was expected, in words.
  public let detail: String

  init(_ code: Code, _ detail: String, path: String? = nil) {
    self.code = code
    self.path = path
    self.detail = detail
  }

  /// One line: the file where there is one, what is wrong.
  public var description: String { (path.map { "\($0): " } ?? "") + detail }
}
