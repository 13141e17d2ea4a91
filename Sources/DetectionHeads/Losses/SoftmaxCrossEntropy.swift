import DenseLinearAlgebra

/// Softmax cross-entropy of rows of logits, Σ_rows (log Σ_j exp z_j − z_target) / divisor, replaced in place by its
/// gradient (softmax(z) − onehot(target)) / divisor.
///
/// The divisor is the caller's to choose: detectron2 takes all rows, mmdetection those with a weight, BAGS the rows kept.
///
/// - Parameters:
///   - logits: [rows.upperBound or more, columns]; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - columns: The number of logits a row.
///   - targets: The target logit of every row.
///   - divisor: What the sum is divided by.
/// - Returns: The part of the loss that comes from `rows`.
public func softmaxCrossEntropy<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>,
  divisor: Scalar
) -> Double {
  var loss = 0.0
  let scale = 1 / divisor
  for row in rows {
    let z = logits + row * columns
    let target = Int(targets[row])
    let atTarget = z[target]
    loss += Double(Scalar.softmax(z, count: columns) - atTarget)
    for column in 0..<columns { z[column] *= scale }
    z[target] -= scale
  }
  return loss / Double(divisor)
}
