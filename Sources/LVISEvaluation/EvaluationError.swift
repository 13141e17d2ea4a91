import DurableFiles

/// Why something could not be scored.
public struct EvaluationError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// An option is out of its range, or does not go with the others.
    case badOption
    /// An image is none of the ground truth's.
    case unknownImage
    /// An image was added before.
    case repeatedImage
    /// A score or a box is not finite.
    case notFinite
    /// A score is no probability, where one is needed.
    case scoreRange
    /// A box, a mask or the size of an image is missing.
    case missing
    /// A mask cannot be read.
    case badMask
    /// Detections were prepared for something else.
    case notPrepared
  }

  /// The element and field at fault.
  public struct Place: Sendable, Hashable, CustomStringConvertible {
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

  /// The kind of fault.
  public let code: Code
  /// Where the fault lies; `nil` where it is in the options.
  public let place: Place?
  /// What is wrong there.
  public let problem: String
  /// What to do about it, where there is something to say.
  public let advice: String?

  init(
    _ code: Code, _ problem: String, at source: Place.Source, _ element: Int, _ field: String, advice: String? = nil
  ) {
    self.code = code
    place = Place(source: source, element: element, field: field)
    self.problem = problem
    self.advice = advice
  }

  init(_ code: Code, _ problem: String) {
    self.code = code
    place = nil
    self.problem = problem
    advice = nil
  }

  /// One line: place, problem and advice.
  public var description: String { (place.map { "\($0): " } ?? "") + problem + (advice.map { "; \($0)" } ?? "") }
}
