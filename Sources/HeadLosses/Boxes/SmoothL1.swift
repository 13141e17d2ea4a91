import DenseLinearAlgebra

/// Smooth L1 (Girshick, ICCV 2015, eq. 3): ½ d²/β where |d| < β, else |d| − ½ β; summed over the foreground RoIs and
/// their four deltas, divided by *all* RoIs of the batch.
///
/// β is 1 in mmdetection 1, 1/9 in torchvision, and 0 (plain L1) in detectron2; all on deltas divided by the standard
/// deviations.
public struct SmoothL1: BoxLoss {
  /// The difference β at which the loss goes over from square to linear, at least 0.
  public let beta: Double

  /// Makes the loss; β is 1 in mmdetection 1, 1/9 in torchvision, 0 in detectron2.
  public init(beta: Double = 1) { self.beta = beta }

  /// Replaces the predicted deltas by the gradient and returns the loss, divided by all RoIs of the batch.
  public mutating func backward(
    _ deltas: UnsafeMutablePointer<Float>, targets: UnsafePointer<Float>, count: Int, batchCount: Int
  ) -> Double {
    smoothL1(deltas, targets: targets, count: 4 * count, beta: Float(beta), divisor: Float(max(1, batchCount)))
  }

  /// Σ over the four deltas.
  public func loss(deltas: UnsafePointer<Float>, targets: UnsafePointer<Float>) -> Float {
    (0..<4).reduce(0) { $0 + smoothL1(deltas[$1] - targets[$1], beta: Float(beta)).loss }
  }
}

/// Smooth L1 of one difference, and its derivative.
func smoothL1<Scalar: DenseScalar>(_ difference: Scalar, beta: Scalar) -> (loss: Scalar, derivative: Scalar) {
  let distance = abs(difference)
  if distance < beta { return (difference * difference / (2 * beta), difference / beta) }
  return (distance - beta / 2, difference > 0 ? 1 : difference < 0 ? -1 : 0)
}

/// Smooth L1 of many values, Σ / divisor, replaced in place by its gradient.
///
/// - Parameters:
///   - values: Predictions, [count]; overwritten by the gradient.
///   - targets: What they should be, [count].
///   - count: How many.
///   - beta: β.
///   - divisor: What the sum is divided by.
/// - Returns: The loss.
package func smoothL1<Scalar: DenseScalar>(
  _ values: UnsafeMutablePointer<Scalar>, targets: UnsafePointer<Scalar>, count: Int, beta: Scalar, divisor: Scalar
) -> Double {
  var sum = 0.0
  for index in 0..<count {
    let (loss, derivative) = smoothL1(values[index] - targets[index], beta: beta)
    sum += Double(loss)
    values[index] = derivative / divisor
  }
  return sum / Double(divisor)
}
