/// A parameter of a method: what the option `--name` sets.
public struct MethodParameter: Sendable, Equatable {
  /// What a value may be.
  public enum Kind: Sendable, Equatable {
    /// A number in a range.
    case number(ClosedRange<Double>)
    /// A whole number in a range.
    case integer(ClosedRange<Int>)
    /// One of some words.
    case choice([String])
  }

  /// The option's name, without dashes before it.
  public let name: String
  /// One line on what it does.
  public let summary: String
  /// What a value may be.
  public let kind: Kind
  /// What it is unless given.
  public let defaultValue: String

  /// A number.
  public static func number(
    _ name: String, default value: Double, in range: ClosedRange<Double>, _ summary: String
  ) -> MethodParameter {
    MethodParameter(name: name, summary: summary, kind: .number(range), defaultValue: settingText(value))
  }

  /// A whole number.
  public static func integer(
    _ name: String, default value: Int, in range: ClosedRange<Int>, _ summary: String
  ) -> MethodParameter {
    MethodParameter(name: name, summary: summary, kind: .integer(range), defaultValue: "\(value)")
  }

  /// A word.
  public static func choice(
    _ name: String, default value: String, of words: [String], _ summary: String
  ) -> MethodParameter {
    MethodParameter(name: name, summary: summary, kind: .choice(words), defaultValue: value)
  }
}

extension MethodParameter {
  /// What a value may be, in words: `a number from 0 to 1`.
  public var allowed: String {
    switch kind {
    case .number(let range): "a number from \(settingText(range.lowerBound)) to \(settingText(range.upperBound))"
    case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .choice(let words): "one of " + words.joined(separator: ", ")
    }
  }

  /// Whether a text is such a value.
  public func allows(_ text: String) -> Bool {
    switch kind {
    case .number(let range): Double(text).map { range.contains($0) } ?? false
    case .integer(let range): Int(text).map { range.contains($0) } ?? false
    case .choice(let words): words.contains(text)
    }
  }
}

/// The values of a method's parameters, checked against what it declares.
public struct MethodParameters: Sendable, Equatable {
  /// By option name, the defaults included, as `run.json` keeps them.
  public let values: [String: String]

  /// Checks what was given and fills in the defaults.
  ///
  /// - Parameters:
  ///   - given: Values by option name.
  ///   - method: Whose parameters they are.
  /// - Throws: `MethodParameterError` for a name that the method does not have, or a value that it cannot take.
  public init(_ given: [String: String] = [:], of method: some NamedMethod) throws {
    let declared = Dictionary(uniqueKeysWithValues: method.parameters.map { ($0.name, $0) })
    for (name, value) in given.sorted(by: { $0.key < $1.key }) {
      guard let parameter = declared[name] else {
        let names = declared.keys.sorted()
        throw MethodParameterError(
          "\(name) is no parameter of \(method.name), which has "
            + (names.isEmpty ? "none" : names.joined(separator: ", ")), parameter: name)
      }
      guard parameter.allows(value) else {
        throw MethodParameterError("\(name) must be \(parameter.allowed), not '\(value)'", parameter: name)
      }
    }
    values = declared.mapValues(\.defaultValue).merging(given) { $1 }
    if let reason = method.conflict(self) { throw MethodParameterError(reason) }
  }

  /// A number that the method declares; 0 for a name that it does not.
  public func number(_ name: String) -> Double { values[name].flatMap { Double($0) } ?? 0 }

  /// A whole number that the method declares; 0 for a name that it does not.
  public func integer(_ name: String) -> Int { values[name].flatMap { Int($0) } ?? 0 }

  /// A word that the method declares; empty for a name that it does not.
  public func choice(_ name: String) -> String { values[name] ?? "" }
}

/// A method that is not known, or a parameter that it cannot take.
public struct MethodParameterError: Error, CustomStringConvertible {
  /// One line that says what is wrong.
  public let description: String
  /// The parameter with whose name `description` begins; `nil` where it is about something else.
  public let parameter: String?

  /// Makes an error; a method throws it for data or parameters that it cannot work with.
  ///
  /// - Parameters:
  ///   - description: One line that says what is wrong.
  ///   - parameter: The parameter with whose name the line begins; `nil` where it is about something else.
  public init(_ description: String, parameter: String? = nil) {
    self.description = description
    self.parameter = parameter
  }
}
