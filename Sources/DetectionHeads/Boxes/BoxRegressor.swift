import DenseLinearAlgebra
import TensorFiles

/// The box regressor of a detector: deltas = x Wᵀ + b, for all classes alike or for each of them.
///
/// Shapes: D features a RoI, C classes by ascending category id.
public struct BoxRegressor: Sendable, Equatable {
  /// The weights W [4, D], or [4C, D]: dx, dy, dw, dh of class 0, of class 1, ….
  public private(set) var weight: Matrix<Float>
  /// The biases b [4], or [4C] as the weights.
  public private(set) var bias: [Float]
  /// The rows that some frameworks have for background, W [4, D] and b [4]; they have no part in inference.
  public var background: LinearRows?
  /// The rules by which its output becomes a box, and the factors of the deltas, (.1, .1, .2, .2) as a rule.
  public var coder: BoxCoder

  /// Makes a regressor.
  ///
  /// - Throws: `LinearHeadError` if the shapes do not fit `classCount` classes.
  public init(
    weight: Matrix<Float>, bias: [Float], background: LinearRows? = nil, classCount: Int,
    coder: BoxCoder = BoxCoder(standardDeviations: BoxCoder.regressorDeviations)
  ) throws {
    guard weight.rows == bias.count, weight.rows == 4 || weight.rows == 4 * classCount else {
      throw LinearHeadError(
        .wrongShape,
        "the box regressor has \(weight.rows) weight rows and \(bias.count) biases; 4 are expected, or "
          + "\(4 * classCount) for \(classCount) classes")
    }
    self.weight = weight
    self.bias = bias
    self.background = background
    self.coder = coder
  }

  /// Puts another weight and bias of the same shapes in place.
  mutating func replace(weight: Matrix<Float>, bias: [Float]) {
    precondition(
      weight.rows == self.weight.rows && weight.columns == inputs && bias.count == self.bias.count,
      "a box regressor keeps its shape")
    self.weight = weight
    self.bias = bias
  }

  /// D, the length of a feature.
  public var inputs: Int { weight.columns }
  /// Whether all classes have the same deltas.
  public var isClassAgnostic: Bool { weight.rows == 4 }

  /// The deltas of one RoI for one class, as the layer gives them: not yet multiplied by the deviations.
  ///
  /// - Parameters:
  ///   - feature: [D].
  ///   - index: The class.
  package func deltas(feature: UnsafePointer<Float>, class index: Int) -> SIMD4<Float> {
    let first = isClassAgnostic ? 0 : 4 * index
    var deltas = SIMD4<Float>.zero
    weight.withUnsafeValues { weight in
      guard let weight = weight.baseAddress else { return }
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 4) { numbers in
        guard let destination = numbers.baseAddress else { return }
        linearLogits(
          features: feature, count: 1, inputs: inputs, weight: weight + first * inputs,
          bias: Array(bias[first..<first + 4]), into: destination)
        for coordinate in 0..<4 { deltas[coordinate] = destination[coordinate] }
      }
    }
    return deltas
  }
}
