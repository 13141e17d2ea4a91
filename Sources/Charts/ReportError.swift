/// Why a report could not be made.
public struct ReportError: Error, CustomStringConvertible, Sendable {
  /// One line that says what is wrong and what to do.
  public let description: String

  /// Makes an error from the line that says what is wrong.
  public init(_ description: String) { self.description = description }
}
