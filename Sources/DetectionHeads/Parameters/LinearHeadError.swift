/// A head that does not fit.
public struct LinearHeadError: Error, CustomStringConvertible {
  /// One line that says what is wrong.
  public let description: String
  package init(_ description: String) { self.description = description }
}
