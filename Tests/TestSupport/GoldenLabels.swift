/// Where a reference keeps background among the classes.
public enum GoldenBackground: Sendable {
  /// Label 0; class c is label c + 1.
  case first
  /// The label behind the last class.
  case last
  /// There is none.
  case none
}

extension GoldenValues {
  /// Labels as class indices, −1 for background.
  ///
  /// - Parameters:
  ///   - name: The entry's name.
  ///   - count: How many there must be; at least one where it is not given.
  ///   - classCount: C; a label beyond it is refused.
  ///   - background: Where the file keeps background.
  public func labels(
    _ name: String = "labels", count: Int? = nil, classCount: Int, background: GoldenBackground
  ) throws -> [Int32] {
    guard classCount > 0 else { throw error(name, "cannot be of \(classCount) classes") }
    return try integers(name, count: count, in: 0...(background == .none ? classCount - 1 : classCount)).map { label in
      switch background {
      case .first: Int32(label) - 1
      case .last: label == classCount ? -1 : Int32(label)
      case .none: Int32(label)
      }
    }
  }

  /// The rows that have a weight; mmdetection leaves out those without.
  public func weightedRows(_ name: String = "label_weights", count: Int? = nil) throws -> [Int] {
    try numbers(name, count: count).enumerated().filter { $0.element > 0 }.map(\.offset)
  }
}
