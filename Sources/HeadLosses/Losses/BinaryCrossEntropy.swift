import DenseLinearAlgebra
import RealModule

/// Binary cross-entropy of single logits, Σ_rows (max(z, 0) − z·t + log(1 + e^−|z|)) / divisor, replaced in place by its
/// gradient (σ(z) − t) / divisor.
///
/// - Parameters:
///   - logits: One a row; those in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - targets: 1 or 0 for every row.
///   - divisor: What the sum is divided by.
/// - Returns: The part of the loss that comes from `rows`.
public func binaryCrossEntropy<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, targets: UnsafePointer<Int32>, divisor: Scalar
) -> Double {
  var loss = 0.0
  for row in rows {
    let z = logits[row]
    let target = Scalar(targets[row])
    loss += Double(max(z, 0) - z * target + .log(onePlus: .exp(-abs(z))))
    Scalar.sigmoid(logits + row, count: 1)
    logits[row] = (logits[row] - target) / divisor
  }
  return loss / Double(divisor)
}
