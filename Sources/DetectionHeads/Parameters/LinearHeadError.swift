/// A head that does not fit its data, its layout or what is to be done with it.
public struct LinearHeadError: Error, CustomStringConvertible {
  /// One line that says what is wrong.
  public let description: String

  /// Makes an error from the line that says what is wrong; a calibration throws it for a head that it cannot take.
  public init(_ description: String) { self.description = description }
}
