/// Why a head could not be brought into another form.
public struct ModelExportError: Error, CustomStringConvertible {
  /// One line: the file where there is one, what was found and what was expected.
  public let description: String
  init(_ description: String) { self.description = description }
}
