import DurableFiles

/// Why a head, or a box regressor, cannot be read, put together, trained or calibrated.
public struct LinearHeadError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// Weights, biases, layers, stages or features have sizes that do not fit each other.
    case wrongShape
    /// It is for other classes, or for another number of them.
    case wrongClasses
    /// It has no class in common with those that are trained, by id or by name.
    case noCommonClass
    /// A file does not name its classes, and no others were given.
    case unnamedClasses
    /// A weight or a bias is no finite number.
    case notFinite
    /// A layout or a box coder has a name that is not known.
    case unknownName
    /// What a layout or a box coder needs beside the weights is missing or impossible.
    case badValue
    /// What is asked for has no meaning for such a layout, method or architecture.
    case unsupported
    /// There are no RoIs, or they lack boxes that are needed.
    case missingData
    /// Mining looks at box losses: no box regressor is trained beside, and the RoIs lack what they follow from.
    case missingBoxLosses
    /// A detector's file does not say how many groups its GroupNorm has.
    case missingNormGroups
    /// A setting is out of its range.
    case badSetting
  }

  /// The kind of fault.
  public let code: Code
  /// The file, as the user gave it; `nil` for a head in memory.
  public let path: String?
  /// What was found and what was expected, in words.
  public let detail: String

  /// Makes an error; a calibration throws it for a head that it cannot take.
  ///
  /// - Parameters:
  ///   - code: The kind of fault.
  ///   - detail: What was found and what was expected, in words.
  ///   - path: The file; `nil` for a head in memory.
  public init(_ code: Code, _ detail: String, path: String? = nil) {
    self.code = code
    self.path = path
    self.detail = detail
  }

  /// The same fault, found in a file.
  package func inFile(_ path: String) -> LinearHeadError { LinearHeadError(code, detail, path: path) }

  /// One line: the file, what is wrong.
  public var description: String { (path.map { "\($0): " } ?? "") + detail }
}
