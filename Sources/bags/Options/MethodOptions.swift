import ArgumentParser
import BalancedGroupSoftmax

/// The method, and the options that it declares itself.
struct MethodOptions: ParsableArguments {
  @Option(
    name: .customLong("method"),
    help: .init(
      "How to train: \(TrainingMethod.all.map(\.name).joined(separator: ", ")); auto: the winner of a race.",
      valueName: "name"), completion: .list(TrainingMethod.all.map(\.name) + ["auto"]))
  var name = TrainingMethod.bags.name

  @Argument(parsing: .allUnrecognized, help: .hidden)
  var words: [String] = []

  /// The method that was chosen.
  ///
  /// - Throws: `ValidationError` for a name that is none's.
  func method() throws -> TrainingMethod {
    _ = try chosen(name, of: TrainingMethod.self, parameters: [:])
    return TrainingMethod.named(name) ?? .bags
  }

  /// The method and its parameters.
  ///
  /// - Parameter command: Whose other options may have been meant by an unknown one.
  /// - Throws: `ValidationError` for an option that the method does not have, or a value that it cannot take.
  func choice(in command: any ParsableCommand.Type) throws -> MethodChoice {
    try chosen(name, of: TrainingMethod.self, parameters: given(in: command))
  }

  /// The parameters that were given.
  ///
  /// - Parameter command: Whose other options may have been meant by an unknown one.
  /// - Throws: `ValidationError` for an option that the method does not have.
  func given(in command: any ParsableCommand.Type) throws -> [String: String] {
    let (given, arguments) = try DeclaredOptions(method: try method(), command: command).read(words)
    if let argument = arguments.first { throw ValidationError("Unexpected argument '\(argument)'") }
    return given
  }
}
