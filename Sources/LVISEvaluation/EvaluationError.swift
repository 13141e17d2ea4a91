/// Detections, ground truth or options that cannot be scored.
public struct EvaluationError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The element and field at fault.
  public struct Place: Sendable, Equatable, CustomStringConvertible {
    /// The data that hold the fault.
    public enum Source: String, Sendable {
      /// The annotations of the ground truth.
      case annotations
      /// The detections that were given.
      case detections
    }

    /// The data that hold the fault.
    public let source: Source
    /// Its position there, from 0, in the order given.
    public let element: Int
    /// The field, as a results file names it.
    public let field: String

    /// The place in words, such as `detections[17].score`.
    public var description: String { "\(source.rawValue)[\(element)].\(field)" }
  }

  /// Where the fault lies; `nil` where it is in the options.
  public let place: Place?
  /// What is wrong there.
  public let problem: String
  /// What to do about it, where there is something to say.
  public let advice: String?

  init(_ problem: String, at source: Place.Source, _ element: Int, _ field: String, advice: String? = nil) {
    place = Place(source: source, element: element, field: field)
    self.problem = problem
    self.advice = advice
  }

  init(_ problem: String) {
    place = nil
    self.problem = problem
    advice = nil
  }

  /// One line: place, problem and advice.
  public var description: String { (place.map { "\($0): " } ?? "") + problem + (advice.map { "; \($0)" } ?? "") }
}
