import DurableFiles

/// Why an annotation or results file could not be read: which file, where in it, what stands there, what to do.
public struct DatasetError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// The file is no JSON, or ends in the middle.
    case notJSON
    /// The file is empty, compressed, of another encoding, or made for another task.
    case otherFormat
    /// A list or a field is missing.
    case missing
    /// A value is of another type, or out of its range.
    case badValue
    /// Two records, or a record and a list, contradict each other.
    case inconsistent
    /// There is not enough memory.
    case outOfMemory
    /// Detections or masks cannot be scored.
    case evaluation
  }

  /// The path as the user gave it.
  public let path: String
  /// The kind of fault.
  public let code: Code
  /// Where in the file, such as `annotations[17].bbox[2]`; `nil` where the whole file is meant.
  public let place: String?
  /// What is wrong there.
  public let problem: String
  /// What to do about it, where there is something to say.
  public let advice: String?

  /// Records a fault.
  public init(path: String, code: Code, place: String? = nil, problem: String, advice: String? = nil) {
    self.path = path
    self.code = code
    self.place = place
    self.problem = problem
    self.advice = advice
  }

  /// One line: path, place, problem, advice.
  public var description: String {
    [path, place, problem].compactMap(\.self).joined(separator: ": ") + (advice.map { "; \($0)" } ?? "")
  }
}
