import DenseLinearAlgebra

/// Seesaw's classifier: the classes by ascending category id, then two logits that tell foreground from background
/// (Wang et al., CVPR 2021, §3.3; mmdetection `seesaw_loss.py`, `get_activation`).
public struct SeesawLayout: LogitLayout, Equatable {
  /// C, the number of foreground classes.
  public let classCount: Int

  /// Makes a layout for C foreground classes.
  public init(classCount: Int) { self.classCount = classCount }

  /// The name in head files, `seesaw`.
  public var name: String { "seesaw" }
  /// The number of logits, C + 2.
  public var logitCount: Int { classCount + 2 }
  /// The logit of a class, at its index.
  public func logit(ofClass index: Int) -> Int { index }
  /// The logits of foreground and of background, in this order, behind those of the classes.
  public var backgroundLogits: [Int] { [classCount, classCount + 1] }

  /// The scores softmax(classes)_c · softmax(objectness)_foreground.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    seesawScores(logits: logits, count: count, into: scores)
  }

  /// The scores in `Float` or `Double`.
  ///
  /// - Parameters:
  ///   - logits: [count, K]; overwritten.
  ///   - count: N.
  ///   - scores: [count, C], overwritten.
  public func seesawScores<Scalar: DenseScalar>(
    logits: UnsafeMutablePointer<Scalar>, count: Int, into scores: UnsafeMutablePointer<Scalar>
  ) {
    for row in 0..<count {
      let z = logits + row * logitCount
      let score = scores + row * classCount
      _ = Scalar.softmax(z, count: classCount)
      _ = Scalar.softmax(z + classCount, count: 2)
      for index in 0..<classCount { score[index] = z[index] * z[classCount] }
    }
  }
}
