import DurableFiles

/// A parameter of a method, such as `gamma` of focal loss.
public struct MethodParameter: Sendable, Equatable {
  /// The values that a parameter can have.
  public enum Kind: Sendable, Equatable {
    /// A number in a range, both ends included.
    case number(ClosedRange<Double>)
    /// A whole number in a range, both ends included.
    case integer(ClosedRange<Int>)
    /// One of some words.
    case choice([String])
  }

  /// The name, as of an option without the dashes before it.
  public let name: String
  /// One line on what the parameter does.
  public let summary: String
  /// The values that it can have.
  public let kind: Kind
  /// The text of its value where none is given.
  public let defaultValue: String

  /// Declares a number.
  ///
  /// - Parameters:
  ///   - name: The parameter's name, such as `tau`.
  ///   - value: Its value where none is given.
  ///   - range: The values that it can have.
  ///   - summary: One line on what it does.
  public static func number(
    _ name: String, default value: Double, in range: ClosedRange<Double>, _ summary: String
  ) -> MethodParameter {
    MethodParameter(name: name, summary: summary, kind: .number(range), defaultValue: settingText(value))
  }

  /// Declares a whole number.
  ///
  /// - Parameters:
  ///   - name: The parameter's name, such as `bins`.
  ///   - value: Its value where none is given.
  ///   - range: The values that it can have.
  ///   - summary: One line on what it does.
  public static func integer(
    _ name: String, default value: Int, in range: ClosedRange<Int>, _ summary: String
  ) -> MethodParameter {
    MethodParameter(name: name, summary: summary, kind: .integer(range), defaultValue: "\(value)")
  }

  /// Declares a word among several.
  ///
  /// - Parameters:
  ///   - name: The parameter's name, such as `g0`.
  ///   - value: The word where none is given.
  ///   - words: The words that it can be.
  ///   - summary: One line on what it does.
  public static func choice(
    _ name: String, default value: String, of words: [String], _ summary: String
  ) -> MethodParameter {
    MethodParameter(name: name, summary: summary, kind: .choice(words), defaultValue: value)
  }
}

extension MethodParameter {
  /// The values that it can have, in words: `a number from 0 to 1`.
  public var allowed: String {
    switch kind {
    case .number(let range): "a number from \(settingText(range.lowerBound)) to \(settingText(range.upperBound))"
    case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .choice(let words): "one of " + words.joined(separator: ", ")
    }
  }

  /// Whether a text states one of these values.
  public func allows(_ text: String) -> Bool {
    switch kind {
    case .number(let range): Double(text).map { range.contains($0) } ?? false
    case .integer(let range): Int(text).map { range.contains($0) } ?? false
    case .choice(let words): words.contains(text)
    }
  }
}

/// The values of a method's parameters, checked against what the method declares.
public struct MethodParameters: Sendable, Equatable {
  /// The text of every parameter's value by its name, defaults included, as `run.json` keeps them.
  public let values: [String: String]

  /// Checks the values that were given and fills in the defaults.
  ///
  /// - Parameters:
  ///   - given: The texts of values by the parameters' names.
  ///   - method: The method that declares the parameters.
  /// - Throws: `MethodParameterError` for a name that the method does not declare, a value that the parameter cannot
  ///   have, or values that do not go together.
  public init(_ given: [String: String] = [:], of method: some NamedMethod) throws {
    let declared = Dictionary(uniqueKeysWithValues: method.parameters.map { ($0.name, $0) })
    for (name, value) in given.sorted(by: { $0.key < $1.key }) {
      guard let parameter = declared[name] else {
        let names = declared.keys.sorted()
        throw MethodParameterError(
          .unknownName,
          "\(name) is no parameter of \(method.name), which has "
            + (names.isEmpty ? "none" : names.joined(separator: ", ")), parameter: name)
      }
      guard parameter.allows(value) else {
        throw MethodParameterError(.badValue, "\(name) must be \(parameter.allowed), not '\(value)'", parameter: name)
      }
    }
    values = declared.mapValues(\.defaultValue).merging(given) { $1 }
    if let reason = method.conflict(self) { throw MethodParameterError(.conflict, reason) }
  }

  /// The value of a number that the method declares; 0 for another name.
  public func number(_ name: String) -> Double { values[name].flatMap { Double($0) } ?? 0 }

  /// The value of a whole number that the method declares; 0 for another name.
  public func integer(_ name: String) -> Int { values[name].flatMap { Int($0) } ?? 0 }

  /// The word that a parameter of the method has; empty for another name.
  public func choice(_ name: String) -> String { values[name] ?? "" }
}

/// A method that is not known, or a parameter that it cannot take.
public struct MethodParameterError: CodedError, Hashable {
  /// The kinds of fault.
  public enum Code: String, Sendable {
    /// There is no method, or no parameter, of that name.
    case unknownName
    /// There is already a method of that name.
    case nameTaken
    /// A value is none that the parameter can take, or leaves nothing to train on.
    case badValue
    /// Two values do not go together; the description writes them as `name=value`.
    case conflict
  }

  /// The kind of fault.
  public let code: Code
  /// One line that says what is wrong.
  public let description: String
  /// The parameter with whose name the line begins; `nil` where it is about something else.
  public let parameter: String?

  /// Makes an error; a method throws it for data or parameters that it cannot work with.
  ///
  /// - Parameters:
  ///   - code: The kind of fault.
  ///   - description: One line that says what is wrong.
  ///   - parameter: The parameter with whose name the line begins; `nil` where it is about something else.
  public init(_ code: Code, _ description: String, parameter: String? = nil) {
    self.code = code
    self.description = description
    self.parameter = parameter
  }
}
