import DurableFiles

/// Why a report could not be made.
public struct ReportError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// `rsvg-convert`, which makes PNG and PDF, is not installed.
    case converterMissing
    /// `rsvg-convert` is installed and ended with an error, or wrote nothing.
    case converterFailed
    /// There is nothing to report: no run, no class or no number.
    case empty
    /// The heads or runs that are shown together are of different classes.
    case classes
    /// A weight is not a finite number.
    case notFinite
    /// A file holds no results of a comparison.
    case comparison
  }

  /// The kind of fault.
  public let code: Code
  /// The file, as the user gave it, or what the run or the head is called; `nil` where it is none in particular.
  public let subject: String?
  /// What was found and what was expected, in words.
  public let detail: String

  /// Makes an error.
  package init(_ code: Code, _ subject: String?, _ detail: String) {
    self.code = code
    self.subject = subject
    self.detail = detail
  }

  /// One line: the file or run, what is wrong and what to do.
  public var description: String { (subject.map { "\($0): " } ?? "") + detail }
}
