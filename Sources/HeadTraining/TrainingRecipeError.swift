import DurableFiles

/// A recipe, or a calibration, that cannot be carried out.
public struct TrainingRecipeError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// A setting is out of its range.
    case badSetting
    /// Parts do not go together.
    case conflict
    /// The user's class weights are of no class, or no numbers.
    case badClassWeights
    /// The head to start from, or the RoIs, are not given.
    case missingInput
  }

  /// The kind of fault.
  public let code: Code
  /// One line that says what is wrong.
  public let description: String

  /// Makes an error from the line that says what is wrong.
  public init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}
