import RealModule

/// A scalar that BLAS multiplies: `Float` or `Double`.
///
/// The methods are what differs between the two; everything else is written once, generically. Training runs in
/// `Float`, the comparison with the reference implementations also in `Double`.
public protocol DenseScalar: BinaryFloatingPoint, Real, Sendable {
  /// C ← α op(A) op(B) + β C, row-major: op(A) is [rows, inner], op(B) is [inner, columns], C is [rows, columns].
  ///
  /// The leading dimensions are the row lengths of A, B and C as stored.
  static func multiply(
    rows: Int, columns: Int, inner: Int, alpha: Self,
    _ a: UnsafePointer<Self>, stride strideA: Int, transposed transposedA: Bool,
    _ b: UnsafePointer<Self>, stride strideB: Int, transposed transposedB: Bool,
    beta: Self, into c: UnsafeMutablePointer<Self>, stride strideC: Int)

  /// Replaces `count` logits by their softmax and returns log Σ exp(logit).
  static func softmax(_ logits: UnsafeMutablePointer<Self>, count: Int) -> Self

  /// Replaces `count` logits z by σ(z) = 1 / (1 + e^−z).
  static func sigmoid(_ logits: UnsafeMutablePointer<Self>, count: Int)

  /// Σ w log(1 + e^z): the binary cross-entropy of `count` weighted logits whose target is 0. Replaces every z by
  /// scale · w σ(z), its derivative.
  static func logisticLoss(
    _ logits: UnsafeMutablePointer<Self>, weights: UnsafePointer<Self>, scale: Self, count: Int
  ) -> Self

  /// Σ σ(z)^γ log(1 + e^z): the focal loss of `count` logits whose target is 0. Replaces every z by scale times its
  /// derivative, σ^γ (γ (1 − σ) log(1 + e^z) + σ).
  static func focalLoss(_ logits: UnsafeMutablePointer<Self>, gamma: Self, scale: Self, count: Int) -> Self

  /// The same with a γ and a weight w for each logit: Σ w σ(z)^γ log(1 + e^z).
  static func focalLoss(
    _ logits: UnsafeMutablePointer<Self>, gammas: UnsafePointer<Self>, weights: UnsafePointer<Self>, scale: Self,
    count: Int
  ) -> Self
}
