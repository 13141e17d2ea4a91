import DenseLinearAlgebra

extension BoxRegressor {
  /// Whether a RoI has one set of deltas or one for each class.
  public enum Classes: String, Sendable, Codable, CaseIterable {
    /// One set of deltas for all classes: 4 numbers a RoI.
    case agnostic
    /// A set of deltas for each class: 4C numbers a RoI.
    case perClass = "per-class"
  }

  /// Whether a RoI has one set of deltas or one for each class.
  public var classes: Classes { isClassAgnostic ? .agnostic : .perClass }

  /// A fresh regressor: weights drawn from N(0, .001), biases 0, as mmdetection and detectron2 start.
  ///
  /// - Parameters:
  ///   - inputs: D.
  ///   - classes: What a RoI's deltas depend on.
  ///   - classCount: C.
  ///   - convention: Whose rules its deltas follow; they are in units of (.1, .1, .2, .2).
  ///   - generator: Draws the weights.
  public static func fresh(
    inputs: Int, classes: Classes, classCount: Int, convention: BoxCoder.Convention = .standard,
    using generator: inout some RandomNumberGenerator
  ) throws -> BoxRegressor {
    let rows = classes == .agnostic ? 4 : 4 * classCount
    let values = (0..<rows * inputs).map { _ in Float(0.001 * standardNormal(using: &generator)) }
    return try BoxRegressor(
      weight: Matrix(rows: rows, columns: inputs, values: values), bias: Array(repeating: 0, count: rows),
      classCount: classCount,
      coder: BoxCoder(convention: convention, standardDeviations: BoxCoder.regressorDeviations))
  }
}
