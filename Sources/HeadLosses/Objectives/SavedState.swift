extension [String: [Double]] {
  /// The numbers of a name in the state of a loss, as a checkpoint holds it.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if there are none of this name, or not `count` of them.
  public func values(_ name: String, count: Int) throws -> [Double] {
    guard let values = self[name], values.count == count else {
      throw TrainingError.foreignCheckpoint("state.\(name) does not hold \(count) numbers")
    }
    return values
  }
}
