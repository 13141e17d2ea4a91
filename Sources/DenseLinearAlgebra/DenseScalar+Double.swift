import COpenBLAS
import RealModule

extension Double: DenseScalar {
  /// `cblas_dgemm`, on as many threads as OpenBLAS is set to.
  public static func multiply(
    rows: Int, columns: Int, inner: Int, alpha: Double,
    _ a: UnsafePointer<Double>, stride strideA: Int, transposed transposedA: Bool,
    _ b: UnsafePointer<Double>, stride strideB: Int, transposed transposedB: Bool,
    beta: Double, into c: UnsafeMutablePointer<Double>, stride strideC: Int
  ) {
    guard rows > 0, columns > 0 else { return }
    cblas_dgemm(
      CblasRowMajor, transposedA ? CblasTrans : CblasNoTrans, transposedB ? CblasTrans : CblasNoTrans,
      blasint(rows), blasint(columns), blasint(inner), alpha, a, blasint(strideA), b, blasint(strideB),
      beta, c, blasint(strideC))
  }

  /// Softmax in place.
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

  /// Logistic function in place.
  public static func sigmoid(_ logits: UnsafeMutablePointer<Double>, count: Int) {
    for i in 0..<count {
      let e = Double.exp(-abs(logits[i]))
      logits[i] = logits[i] >= 0 ? 1 / (1 + e) : e / (1 + e)
    }
  }
}
