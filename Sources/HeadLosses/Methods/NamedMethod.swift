/// A method that a user chooses by name and gives parameters: a loss, a box loss, a sampler, a way of mining, a
/// calibration.
public protocol NamedMethod: Sendable {
  /// The name by which a user chooses it, such as `bags`.
  var name: String { get }
  /// One line on what it does.
  var summary: String { get }
  /// The paper or code that it comes from.
  var source: String { get }
  /// The parameters that it declares.
  var parameters: [MethodParameter] { get }
  /// The inputs beside its parameters that it cannot do without, such as `the training RoIs`; `nil` for none.
  var needs: String? { get }
  /// Says why some values of its parameters do not go together; `nil` where they do.
  var conflict: @Sendable (MethodParameters) -> String? { get }
  /// The word for such methods in errors, such as `sampler`.
  static var kind: String { get }
  /// The methods of this kind, to which a program can add its own.
  static var registry: MethodRegistry<Self> { get }
}

extension NamedMethod {
  /// Every method of this kind, those included that a program has registered.
  public static var all: [Self] { registry.all }

  /// The word `method`, unless a kind of method says otherwise.
  public static var kind: String { "method" }

  /// No inputs beside the parameters.
  public var needs: String? { nil }

  /// No conflicts: all values of the parameters go together.
  public var conflict: @Sendable (MethodParameters) -> String? { { _ in nil } }

  /// The method of a name; `nil` for a name that none has.
  public static func named(_ name: String) -> Self? { all.first { $0.name == name } }

  /// The method that was chosen, and its parameters with the defaults filled in.
  ///
  /// - Throws: `MethodParameterError` if there is none of that name, or it cannot take the parameters.
  public static func chosen(_ choice: MethodChoice) throws -> (method: Self, parameters: MethodParameters) {
    guard let method = named(choice.name) else {
      let names = all.map(\.name)
      let hint = closest(to: choice.name, among: names).map { "; did you mean \($0)?" } ?? ""
      throw MethodParameterError(
        .unknownName, "there is no \(kind) '\(choice.name)', only \(names.joined(separator: ", "))\(hint)")
    }
    return (method, try MethodParameters(choice.parameters, of: method))
  }
}

/// The choice of a method: its name and values of its parameters, as `run.json` keeps them.
public struct MethodChoice: Sendable, Codable, Equatable {
  /// The name of the method, such as `bags`.
  public var name: String
  /// The texts of values by the parameters' names; those that are not stated have their defaults.
  public var parameters: [String: String]

  /// Makes a choice; a recipe or a registry checks it.
  public init(name: String, parameters: [String: String] = [:]) {
    self.name = name
    self.parameters = parameters
  }
}
