extension Matrix {
  /// X Wᵀ + b: the logits of a linear layer.
  ///
  /// - Parameters:
  ///   - features: X [N, D].
  ///   - weight: W [K, D].
  ///   - bias: b [K].
  /// - Returns: [N, K].
  public static func linear(_ features: Matrix, weight: Matrix, bias: [Scalar]) -> Matrix {
    precondition(features.columns == weight.columns && bias.count == weight.rows)
    var logits = Matrix(rows: features.rows, columns: weight.rows)
    logits.withUnsafeMutableValues { z in
      features.withUnsafeValues { x in
        weight.withUnsafeValues { w in
          guard let z = z.baseAddress, let x = x.baseAddress, let w = w.baseAddress else { return }
          linearLogits(
            features: x, count: features.rows, inputs: weight.columns, weight: w, bias: bias, into: z)
        }
      }
    }
    return logits
  }
}

/// X Wᵀ + b into a buffer: the logits of a linear layer.
///
/// - Parameters:
///   - features: X [count, inputs].
///   - count: The number of rows of X.
///   - inputs: The length of a row of X and W.
///   - weight: W [bias.count, inputs].
///   - bias: b.
///   - logits: [count, bias.count], overwritten.
public func linearLogits<Scalar: DenseScalar>(
  features: UnsafePointer<Scalar>, count: Int, inputs: Int, weight: UnsafePointer<Scalar>, bias: [Scalar],
  into logits: UnsafeMutablePointer<Scalar>
) {
  let outputs = bias.count
  bias.withUnsafeBufferPointer { bias in
    guard let bias = bias.baseAddress else { return }
    for row in 0..<count { (logits + row * outputs).update(from: bias, count: outputs) }
  }
  Scalar.multiply(
    rows: count, columns: outputs, inner: inputs, alpha: 1, features, stride: inputs, transposed: false,
    weight, stride: inputs, transposed: true, beta: 1, into: logits, stride: outputs)
}
