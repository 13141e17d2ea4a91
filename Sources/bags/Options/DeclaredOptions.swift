import ArgumentParser
import BalancedGroupSoftmax

/// The options that methods of a kind declare themselves: they are known when the method is.
struct DeclaredOptions<Method: NamedMethod> {
  /// The method that was chosen.
  let method: Method
  /// The command, whose other options may have been meant by an unknown one.
  let command: any ParsableCommand.Type

  /// Reads the words that the command itself did not recognise.
  ///
  /// - Returns: Values by option name, and the words that are no option.
  /// - Throws: `ValidationError` for an option that the method does not have, or a value that it cannot take.
  func read(_ words: [String]) throws -> (given: [String: String], arguments: [String]) {
    var given: [String: String] = [:]
    var arguments: [String] = []
    var rest = words[...]
    while let word = rest.popFirst() {
      guard word.hasPrefix("-") else {
        arguments.append(word)
        continue
      }
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0].drop { $0 == "-" })
      guard word.hasPrefix("--"), method.parameters.contains(where: { $0.name == name }) else {
        throw ValidationError(refusal(of: String(parts[0]), name: name))
      }
      guard let value = parts.count > 1 ? String(parts[1]) : rest.popFirst() else {
        throw ValidationError("Missing value for '--\(name)'")
      }
      given[name] = value
    }
    _ = try chosen(method.name, of: Method.self, parameters: given)
    return (given, arguments)
  }

  private func refusal(of word: String, name: String) -> String {
    let own = method.parameters.map { "--\($0.name)" }
    let owners = Method.all.filter { $0.parameters.contains { $0.name == name } }.map(\.name)
    if !owners.isEmpty {
      let has = own.isEmpty ? "has no options of its own" : "has \(list(own))"
      return "--\(name) is an option of \(list(owners)), but not of the \(Method.kind) \(method.name), which \(has)"
    }
    let hint = closestOption(to: word, among: own + CommandOption.all(of: command).map(\.name)).map {
      " Did you mean '\($0)'?"
    }
    return "Unknown option '\(word)'." + (hint ?? " `bags methods \(method.name)` lists the \(Method.kind)'s own.")
  }
}

/// `a`, `a and b`, `a, b and c`.
private func list(_ words: [String]) -> String {
  words.count < 2 ? words.joined() : words.dropLast().joined(separator: ", ") + " and " + (words.last ?? "")
}
