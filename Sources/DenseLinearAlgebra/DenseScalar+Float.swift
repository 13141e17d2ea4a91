import COpenBLAS
import CVectorKernels
import RealModule

extension Float: DenseScalar {
  /// C ← α op(A) op(B) + β C by OpenBLAS's `cblas_sgemm`, on the calling thread.
  public static func multiply(
    rows: Int, columns: Int, inner: Int, alpha: Float,
    _ a: UnsafePointer<Float>, stride strideA: Int, transposed transposedA: Bool,
    _ b: UnsafePointer<Float>, stride strideB: Int, transposed transposedB: Bool,
    beta: Float, into c: UnsafeMutablePointer<Float>, stride strideC: Int
  ) {
    guard rows > 0, columns > 0 else { return }
    OpenBLAS.usesOneThread
    cblas_sgemm(
      CblasRowMajor, transposedA ? CblasTrans : CblasNoTrans, transposedB ? CblasTrans : CblasNoTrans,
      blasint(rows), blasint(columns), blasint(inner), alpha, a, blasint(strideA), b, blasint(strideB),
      beta, c, blasint(strideC))
  }

  /// Softmax in place by a vectorised kernel, relative error below 1e-6.
  public static func softmax(_ logits: UnsafeMutablePointer<Float>, count: Int) -> Float {
    bags_softmax(logits, count)
  }

  /// Logistic function in place by a vectorised kernel, relative error below 1e-6.
  public static func sigmoid(_ logits: UnsafeMutablePointer<Float>, count: Int) {
    bags_sigmoid(logits, count)
  }

  /// The binary cross-entropy of logits whose target is 0, by a vectorised kernel; the relative error of each term is
  /// below 1e-6.
  public static func logisticLoss(
    _ logits: UnsafeMutablePointer<Float>, weights: UnsafePointer<Float>, scale: Float, count: Int
  ) -> Float {
    bags_logistic_loss(logits, weights, scale, count)
  }

  /// The focal loss of logits whose target is 0, by a vectorised kernel; the relative error of each term is below 1e-5.
  public static func focalLoss(
    _ logits: UnsafeMutablePointer<Float>, gamma: Float, scale: Float, count: Int
  ) -> Float {
    bags_focal_loss(logits, gamma, scale, count)
  }

  /// By a vectorised kernel, relative error of each term below 1e-5.
  public static func focalLoss(
    _ logits: UnsafeMutablePointer<Float>, gammas: UnsafePointer<Float>, weights: UnsafePointer<Float>, scale: Float,
    count: Int
  ) -> Float {
    bags_focal_losses(logits, gammas, weights, scale, count)
  }
}
