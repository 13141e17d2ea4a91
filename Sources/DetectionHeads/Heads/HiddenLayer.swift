import DenseLinearAlgebra

/// A fully connected layer with ReLU below the classifier: y = max(0, x Wᵀ + b). Two of them are a detector's box head
/// (mmdetection's `shared_fcs`, detectron2's `fc1` and `fc2`, torchvision's `fc6` and `fc7`).
///
/// Shapes: D inputs, H outputs.
public struct HiddenLayer: Sendable, Equatable {
  /// W [H, D].
  ///
  /// - Precondition: A new value has H rows.
  public var weight: Matrix<Float> { didSet { checkShapes() } }
  /// b [H].
  ///
  /// - Precondition: A new value has H numbers.
  public var bias: [Float] { didSet { checkShapes() } }

  /// Makes a layer from its weights.
  ///
  /// - Throws: `LinearHeadError` if the two differ in H.
  public init(weight: Matrix<Float>, bias: [Float]) throws {
    guard weight.rows == bias.count else {
      throw LinearHeadError(.wrongShape, "a hidden layer of \(weight.rows) outputs has \(bias.count) biases")
    }
    self.weight = weight
    self.bias = bias
  }

  /// A fresh layer: weights from U(−a, a) with a = √(6 / (D + H)) (Glorot and Bengio 2010), biases 0, as mmdetection
  /// starts its `shared_fcs`.
  public init(inputs: Int, outputs: Int, using generator: inout some RandomNumberGenerator) {
    let limit = (6 / Float(inputs + outputs)).squareRoot()
    weight = Matrix(
      rows: outputs, columns: inputs,
      values: (0..<inputs * outputs).map { _ in Float.random(in: -limit..<limit, using: &generator) })
    bias = Array(repeating: 0, count: outputs)
  }

  private func checkShapes() {
    precondition(weight.rows == bias.count, "a hidden layer of \(weight.rows) outputs has \(bias.count) biases")
  }

  /// The number of inputs, D.
  public var inputs: Int { weight.columns }
  /// The number of outputs, H.
  public var outputs: Int { weight.rows }

  /// max(0, x Wᵀ + b).
  ///
  /// - Parameters:
  ///   - features: [count, D].
  ///   - count: N.
  ///   - result: [count, H], overwritten.
  package func apply(to features: UnsafePointer<Float>, count: Int, into result: UnsafeMutablePointer<Float>) {
    weight.withUnsafeValues { weight in
      guard let weight = weight.baseAddress else { return }
      linearLogits(features: features, count: count, inputs: inputs, weight: weight, bias: bias, into: result)
    }
    for index in 0..<count * outputs { result[index] = max(0, result[index]) }
  }
}
