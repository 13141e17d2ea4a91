import COpenBLAS
import RealModule

extension Double: DenseScalar {
  /// C ← α op(A) op(B) + β C by OpenBLAS's `cblas_dgemm`, on the calling thread.
  public static func multiply(
    rows: Int, columns: Int, inner: Int, alpha: Double,
    _ a: UnsafePointer<Double>, stride strideA: Int, transposed transposedA: Bool,
    _ b: UnsafePointer<Double>, stride strideB: Int, transposed transposedB: Bool,
    beta: Double, into c: UnsafeMutablePointer<Double>, stride strideC: Int
  ) {
    guard rows > 0, columns > 0 else { return }
    OpenBLAS.usesOneThread
    cblas_dgemm(
      CblasRowMajor, transposedA ? CblasTrans : CblasNoTrans, transposedB ? CblasTrans : CblasNoTrans,
      blasint(rows), blasint(columns), blasint(inner), alpha, a, blasint(strideA), b, blasint(strideB),
      beta, c, blasint(strideC))
  }

  /// Replaces logits by their softmax, and returns log Σ exp(logit).
  public static func softmax(_ logits: UnsafeMutablePointer<Double>, count: Int) -> Double {
    var maximum = logits[0]
    for i in 1..<max(1, count) { maximum = max(maximum, logits[i]) }
    var sum = 0.0
    for i in 0..<count {
      logits[i] = .exp(logits[i] - maximum)
      sum += logits[i]
    }
    for i in 0..<count { logits[i] /= sum }
    return maximum + .log(sum)
  }

  /// Replaces every logit z by σ(z).
  public static func sigmoid(_ logits: UnsafeMutablePointer<Double>, count: Int) {
    for i in 0..<count {
      let e = Double.exp(-abs(logits[i]))
      logits[i] = logits[i] >= 0 ? 1 / (1 + e) : e / (1 + e)
    }
  }

  /// Weighted logistic loss and its derivative.
  public static func logisticLoss(
    _ logits: UnsafeMutablePointer<Double>, weights: UnsafePointer<Double>, scale: Double, count: Int
  ) -> Double {
    var loss = 0.0
    for i in 0..<count {
      let z = logits[i]
      let e = Double.exp(-abs(z))
      loss += weights[i] * (max(z, 0) + .log(onePlus: e))
      logits[i] = scale * weights[i] * (z >= 0 ? 1 : e) / (1 + e)
    }
    return loss
  }

  /// Focal loss and its derivative.
  public static func focalLoss(
    _ logits: UnsafeMutablePointer<Double>, gamma: Double, scale: Double, count: Int
  ) -> Double {
    var loss = 0.0
    for i in 0..<count {
      let z = logits[i]
      let e = Double.exp(-abs(z))
      let (larger, smaller) = (1 / (1 + e), e / (1 + e))
      let tail = Double.log(onePlus: e)
      let softplus = max(z, 0) + tail
      let power = Double.exp(-gamma * (max(-z, 0) + tail))
      loss += power * softplus
      logits[i] = scale * power * (gamma * (z >= 0 ? smaller : larger) * softplus + (z >= 0 ? larger : smaller))
    }
    return loss
  }

  /// Focal loss with a γ and a weight for each logit, and its derivative.
  public static func focalLoss(
    _ logits: UnsafeMutablePointer<Double>, gammas: UnsafePointer<Double>, weights: UnsafePointer<Double>,
    scale: Double, count: Int
  ) -> Double {
    var loss = 0.0
    for i in 0..<count {
      loss += weights[i] * focalLoss(logits + i, gamma: gammas[i], scale: scale * weights[i], count: 1)
    }
    return loss
  }
}
