/// Why an annotation or results file could not be read: which file, where in it, what stands there, what to do.
public struct DatasetError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The path as the user gave it.
  public let path: String
  /// Where in the file, such as `annotations[17].bbox[2]`; `nil` where the whole file is meant.
  public let place: String?
  /// What is wrong there.
  public let problem: String
  /// What to do about it, where there is something to say.
  public let advice: String?

  /// Records a fault.
  public init(path: String, place: String? = nil, problem: String, advice: String? = nil) {
    self.path = path
    self.place = place
    self.problem = problem
    self.advice = advice
  }

  /// One line: path, place, problem, advice.
  public var description: String {
    [path, place, problem].compactMap(\.self).joined(separator: ": ") + (advice.map { "; \($0)" } ?? "")
  }
}
