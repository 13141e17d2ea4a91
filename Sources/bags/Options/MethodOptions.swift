import ArgumentParser
import DetectionHeads

/// The method, and the options that it declares itself: they are known when the method is.
struct MethodOptions: ParsableArguments {
  @Option(
    name: .customLong("method"),
    help: .init("How to train: \(TrainingMethod.all.map(\.name).joined(separator: ", ")).", valueName: "name"),
    completion: .list(TrainingMethod.all.map(\.name)))
  var name = TrainingMethod.bags.name

  @Argument(parsing: .allUnrecognized, help: .hidden)
  var words: [String] = []

  /// - Throws: `ValidationError` for a name that is none's.
  func method() throws -> TrainingMethod {
    _ = try chosen(name, of: TrainingMethod.all, as: "method", parameters: [:])
    return TrainingMethod.named(name) ?? .bags
  }

  /// The method's parameters.
  ///
  /// - Parameter command: Whose other options may have been meant by an unknown one.
  /// - Throws: `ValidationError` for an option that the method does not have, or a value that it cannot take.
  func parameters(in command: any ParsableCommand.Type) throws -> MethodParameters {
    let method = try method()
    var given: [String: String] = [:]
    var rest = words[...]
    while let word = rest.popFirst() {
      guard word.hasPrefix("-") else { throw ValidationError("Unexpected argument '\(word)'") }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0].drop { $0 == "-" })
      guard word.hasPrefix("--"), method.parameters.contains(where: { $0.name == name }) else {
        throw ValidationError(refusal(of: String(parts[0]), name: name, method: method, command: command))
      }
      guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
        throw ValidationError("Missing value for '--\(name)'")
      }
      given[name] = value
    }
    _ = try chosen(name, of: [method], as: "method", parameters: given)
    return try MethodParameters(given, of: method)
  }

  private func refusal(
    of word: String, name: String, method: TrainingMethod, command: any ParsableCommand.Type
  ) -> String {
    let own = method.parameters.map { "--\($0.name)" }
    let owners = TrainingMethod.all.filter { $0.parameters.contains { $0.name == name } }.map(\.name)
    if !owners.isEmpty {
      let has = own.isEmpty ? "has no options of its own" : "has \(list(own))"
      return "--\(name) is an option of \(list(owners)), but not of the method \(method.name), which \(has)"
    }
    let hint = closestOption(to: word, among: own + CommandOption.all(of: command).map(\.name)).map {
      " Did you mean '\($0)'?"
    }
    return "Unknown option '\(word)'." + (hint ?? " `bags methods \(method.name)` lists the method's own.")
  }
}

/// `a`, `a and b`, `a, b and c`.
private func list(_ words: [String]) -> String {
  words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " and " + (words.last ?? "")
}
