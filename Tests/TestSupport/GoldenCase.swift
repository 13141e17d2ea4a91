import Foundation

/// One set of inputs and answers of a golden file: the main one, or an edge case.
public struct GoldenCase: CustomStringConvertible {
  /// `main`, or the edge case's label.
  public let label: String
  /// What the method was given beside its inputs.
  public let hyperparameters: [String: Any]
  /// What it was given.
  public let inputs: [String: Any]
  /// What the reference answered.
  public let outputs: [String: Any]

  /// The label.
  public var description: String { label }

  /// All cases of `losses/NAME`, the main one first.
  public static func losses(_ name: String) throws -> [GoldenCase] {
    let data = try Data(contentsOf: URL(fileURLWithPath: goldenPath("losses/\(name)")))
    guard let top = try JSONSerialization.jsonObject(with: data) as? [String: Any] else { return [] }
    let edges = top["edge_cases"] as? [[String: Any]] ?? []
    return [GoldenCase(top, label: "main")] + edges.map { GoldenCase($0, label: $0["label"] as? String ?? "") }
  }

  private init(_ object: [String: Any], label: String) {
    self.label = label
    hyperparameters = object["hyperparameters"] as? [String: Any] ?? [:]
    inputs = object["inputs"] as? [String: Any] ?? [:]
    outputs = object["outputs"] as? [String: Any] ?? [:]
  }
}

/// The objects of a JSON array, such as the batches of a method with state.
public func objects(_ value: Any?) -> [[String: Any]] { value as? [[String: Any]] ?? [] }

/// The numbers of a JSON value, nested arrays flattened; `"nan"`, `"inf"` and `"-inf"` as what they say.
public func numbers(_ value: Any?) -> [Double] {
  switch value {
  case let list as [Any]: list.flatMap { numbers($0) }
  case let number as NSNumber: [number.doubleValue]
  case let text as String: Double(text).map { [$0] } ?? []
  default: []
  }
}

/// The integers of a JSON value, nested arrays flattened.
public func integers(_ value: Any?) -> [Int] { numbers(value).map { Int($0) } }

/// max |a − b| / max |b|, the measure by which gradients are compared; infinite where the sizes differ.
public func largestDifference<A: BinaryFloatingPoint>(_ a: [A], _ b: [Double]) -> Double {
  guard a.count == b.count else { return .infinity }
  let scale = b.map(abs).max() ?? 0
  let difference = zip(a, b).map { abs(Double($0) - $1) }.max() ?? 0
  return difference / (scale > 0 ? scale : 1)
}
