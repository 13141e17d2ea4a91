/// Something that a user chooses by name and gives parameters: a loss, a sampler, a calibration.
public protocol NamedMethod: Sendable {
  /// What the user types.
  var name: String { get }
  /// One line on what it does.
  var summary: String { get }
  /// Where it comes from.
  var source: String { get }
  /// Its own parameters.
  var parameters: [MethodParameter] { get }
  /// What it cannot do without beside its parameters, such as `the training RoIs`; `nil` for nothing.
  var needs: String? { get }
  /// Why some values of its parameters do not go together; `nil` where they do.
  var conflict: @Sendable (MethodParameters) -> String? { get }
  /// What such methods are, for errors: `sampler`, `calibration`.
  static var kind: String { get }
  /// The methods of this kind, to which a program can add its own.
  static var registry: MethodRegistry<Self> { get }
}

extension NamedMethod {
  /// Every method of this kind, those included that a program has registered.
  public static var all: [Self] { registry.all }

  /// `method`.
  public static var kind: String { "method" }

  /// Nothing.
  public var needs: String? { nil }

  /// All go together.
  public var conflict: @Sendable (MethodParameters) -> String? { { _ in nil } }

  /// The one of a name; `nil` for a name that is none's.
  public static func named(_ name: String) -> Self? { all.first { $0.name == name } }

  /// The one that was chosen, and its parameters.
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

/// What a user chose: a name and the values of its parameters, as `run.json` keeps them.
public struct MethodChoice: Sendable, Codable, Equatable {
  /// The name.
  public var name: String
  /// Values by option name.
  public var parameters: [String: String]

  /// Makes a choice.
  public init(name: String, parameters: [String: String] = [:]) {
    self.name = name
    self.parameters = parameters
  }
}
