import Foundation

/// One set of inputs and answers of a golden file: the main one, or an edge case.
public struct GoldenCase: CustomStringConvertible {
  /// `main`, or the edge case's label.
  public let label: String
  /// What the method was given beside its inputs.
  public let hyperparameters: GoldenValues
  /// What it was given.
  public let inputs: GoldenValues
  /// What the reference answered.
  public let outputs: GoldenValues

  /// The label.
  public var description: String { label }

  /// The cases of a file of losses, the main one first.
  ///
  /// - Parameters:
  ///   - name: The file's name; `goldenLossesPath` says in which folder.
  ///   - names: Only cases whose inputs and outputs together have all these entries.
  ///   - condition: Only cases that meet it.
  /// - Throws: Foundation's error for a file that cannot be read, and `TestDataError` for one of another form or without
  ///   any such case: a test over no cases would pass.
  public static func losses(
    _ name: String, having names: [String] = [], where condition: (GoldenCase) throws -> Bool = { _ in true }
  ) throws -> [GoldenCase] {
    let data = try Data(contentsOf: URL(fileURLWithPath: goldenLossesPath(name)))
    guard let top = try JSONSerialization.jsonObject(with: data) as? [String: Any] else {
      throw TestDataError(description: "\(name) is no JSON object")
    }
    guard let edges = (top["edge_cases"] ?? []) as? [[String: Any]] else {
      throw TestDataError(description: "\(name): edge_cases is no array of objects")
    }
    let all =
      try [GoldenCase(top, label: "main", file: name)]
      + edges.map { try GoldenCase($0, label: $0["label"] as? String ?? "", file: name) }
    let cases = try all.filter { golden in
      try names.allSatisfy { golden.inputs.has($0) || golden.outputs.has($0) } && condition(golden)
    }
    guard !cases.isEmpty else {
      throw TestDataError(
        description: "\(name) has no case \(names.isEmpty ? "to compare" : "with \(names.joined(separator: ", "))")")
    }
    return cases
  }

  private init(_ object: [String: Any], label: String, file: String) throws {
    self.label = label
    func values(_ name: String) throws -> GoldenValues {
      guard let entries = (object[name] ?? [String: Any]()) as? [String: Any] else {
        throw TestDataError(description: "\(file), \(label): \(name) is no object")
      }
      return GoldenValues(entries, place: "\(file), \(label): \(name)")
    }
    hyperparameters = try values("hyperparameters")
    inputs = try values("inputs")
    outputs = try values("outputs")
  }
}
