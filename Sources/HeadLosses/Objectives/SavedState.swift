extension [String: [Double]] {
  /// The values of a name in an objective's state.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if there are none, or not as many.
  public func values(_ name: String, count: Int) throws -> [Double] {
    guard let values = self[name], values.count == count else {
      throw TrainingError.foreignCheckpoint("state.\(name) does not hold \(count) numbers")
    }
    return values
  }
}
