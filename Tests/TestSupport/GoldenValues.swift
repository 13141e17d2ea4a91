import DenseLinearAlgebra
import Foundation

/// An object of a golden file. Every entry is read by its name and with the size that it must have, so that a file of
/// another form fails a test instead of sending it beyond an array's end.
public struct GoldenValues {
  /// The file, the case and the names down to here.
  public let place: String
  private let entries: [String: Any]

  init(_ entries: [String: Any], place: String) {
    self.entries = entries
    self.place = place
  }

  /// The entries' names, ascending.
  public var names: [String] { entries.keys.sorted() }

  /// Whether there is an entry of that name, null being none.
  public func has(_ name: String) -> Bool { entries[name].map { !($0 is NSNull) } ?? false }

  /// Whether an entry is an empty array.
  public func isEmpty(_ name: String) throws -> Bool { (try value(name) as? [Any])?.isEmpty ?? false }

  /// An entry that is an object.
  public func object(_ name: String) throws -> GoldenValues {
    guard let inner = try value(name) as? [String: Any] else { throw error(name, "is no object") }
    return GoldenValues(inner, place: "\(place).\(name)")
  }

  /// An entry that is an array of objects, such as the batches of a method with state; at least one.
  public func objects(_ name: String, count: Int? = nil) throws -> [GoldenValues] {
    guard let inner = try value(name) as? [[String: Any]] else { throw error(name, "is no array of objects") }
    guard count.map({ $0 == inner.count }) ?? !inner.isEmpty else {
      throw error(name, "has \(inner.count) objects, not \(count ?? 1)")
    }
    return inner.enumerated().map { GoldenValues($1, place: "\(place).\(name)[\($0)]") }
  }

  /// A finite number, in a range where one is given.
  public func number(_ name: String, in range: ClosedRange<Double>? = nil) throws -> Double {
    let number = try numbers(name, count: 1)[0]
    guard number.isFinite, range?.contains(number) ?? true else { throw error(name, "is \(number)") }
    return number
  }

  /// A whole number in a range.
  public func integer(_ name: String, in range: ClosedRange<Int>) throws -> Int {
    try integers(name, count: 1, in: range)[0]
  }

  /// True or false; `nil` where there is neither.
  public func flag(_ name: String) -> Bool? { entries[name] as? Bool }

  /// The numbers of an entry, nested arrays flattened; `"nan"`, `"inf"` and `"-inf"` are what they say.
  ///
  /// - Parameters:
  ///   - name: The entry's name.
  ///   - count: How many there must be; at least one where it is not given.
  public func numbers(_ name: String, count: Int? = nil) throws -> [Double] {
    var numbers: [Double] = []
    try append(try value(name), to: &numbers, name)
    guard count.map({ $0 == numbers.count }) ?? !numbers.isEmpty else {
      throw error(name, count.map { "has \(numbers.count) numbers, not \($0)" } ?? "is empty")
    }
    return numbers
  }

  /// The whole numbers of an entry, nested arrays flattened.
  ///
  /// - Parameters:
  ///   - name: The entry's name.
  ///   - count: How many there must be; at least one where it is not given.
  ///   - range: What they must lie in.
  public func integers(
    _ name: String, count: Int? = nil, in range: ClosedRange<Int> = 0...1_000_000_000
  ) throws -> [Int] {
    try numbers(name, count: count).map { number in
      guard let integer = Int(exactly: number), range.contains(integer) else {
        throw error(name, "holds \(number), which is no whole number in \(range)")
      }
      return integer
    }
  }

  /// An entry that is an array of arrays, such as the classes of each image; inner ones may be empty.
  public func lists(_ name: String, in range: ClosedRange<Int> = 0...1_000_000_000) throws -> [[Int]] {
    guard let rows = try value(name) as? [[Any]], !rows.isEmpty else { throw error(name, "is no array of arrays") }
    return try rows.enumerated().map { index, row in
      row.isEmpty ? [] : try GoldenValues(["\(index)": row], place: "\(place).\(name)").integers("\(index)", in: range)
    }
  }

  /// A matrix from an array of rows.
  ///
  /// - Parameters:
  ///   - name: The entry's name.
  ///   - rows: How many rows it must have; at least one where it is not given.
  ///   - columns: How many columns; at least one.
  ///   - scalar: The precision to read it in.
  public func matrix<Scalar: DenseScalar>(
    _ name: String, rows: Int? = nil, columns: Int? = nil, as scalar: Scalar.Type = Scalar.self
  ) throws -> Matrix<Scalar> {
    guard let nested = try value(name) as? [[Any]], let first = nested.first, !first.isEmpty else {
      throw error(name, "is no matrix")
    }
    guard nested.allSatisfy({ $0.count == first.count }), rows ?? nested.count == nested.count,
      columns ?? first.count == first.count
    else {
      let expected = "[\(rows.map { "\($0)" } ?? "…"), \(columns.map { "\($0)" } ?? "…")]"
      throw error(name, "is [\(nested.count), \(first.count)] or uneven, not \(expected)")
    }
    let values = try numbers(name, count: nested.count * first.count)
    return Matrix(rows: nested.count, columns: first.count, values: values.map { Scalar($0) })
  }

  private func value(_ name: String) throws -> Any {
    guard let value = entries[name] else { throw error(name, "is missing") }
    return value
  }

  private func append(_ value: Any, to numbers: inout [Double], _ name: String) throws {
    switch value {
    case let list as [Any]: for inner in list { try append(inner, to: &numbers, name) }
    case let number as NSNumber: numbers.append(number.doubleValue)
    case let text as String:
      guard let number = Double(text) else { throw error(name, "holds \"\(text)\"") }
      numbers.append(number)
    default: throw error(name, "holds what is no number")
    }
  }

  func error(_ name: String, _ fault: String) -> TestDataError {
    TestDataError(description: "\(place).\(name) \(fault)")
  }
}
