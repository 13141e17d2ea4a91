import ArgumentParser
import BalancedGroupSoftmax

/// What a user chose by name, with all its parameters.
///
/// - Parameters:
///   - name: What was typed.
///   - kind: What it names.
///   - given: Values by option name.
/// - Throws: `ValidationError` for a name that is none's, or a parameter that the method does not have or cannot take.
func chosen<Method: NamedMethod>(
  _ name: String, of kind: Method.Type, parameters given: [String: String]
) throws -> MethodChoice {
  do {
    let values = try Method.chosen(MethodChoice(name: name, parameters: given)).parameters.values
    return MethodChoice(name: name, parameters: values)
  } catch let error as MethodParameterError {
    throw ValidationError(error.withOptions)
  }
}
