import ArgumentParser
import BalancedGroupSoftmax

/// What a user chose by name, with the parameters given for it.
///
/// - Parameters:
///   - name: What was typed.
///   - known: The methods that it may name.
///   - kind: What they are, for errors: `method`, `sampler`.
///   - given: Values by option name.
/// - Throws: `ValidationError` for a name that is none's, or a parameter that the method does not have or cannot take.
func chosen<Method: NamedMethod>(
  _ name: String, of known: [Method], as kind: String, parameters given: [String: String]
) throws -> MethodChoice {
  guard let method = known.first(where: { $0.name == name }) else {
    let names = known.map(\.name)
    let hint = closest(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
    throw ValidationError("there is no \(kind) '\(name)', only \(names.joined(separator: ", "))\(hint)")
  }
  do {
    return MethodChoice(name: name, parameters: try MethodParameters(given, of: method).values)
  } catch let error as MethodParameterError {
    throw ValidationError(error.description)
  }
}
