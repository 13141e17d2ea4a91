import DenseLinearAlgebra

/// A softmax classifier whose logits are multiplied by a scale each, while these are learnt (LWS): background, then the
/// classes by ascending category id. No head file has it: the scales are folded in when they are learnt.
package struct ScaledLayout: LogitLayout, Equatable {
  /// The scale of every logit, background first [C + 1].
  public let scales: [Float]

  /// Makes a layout from the scales of background and the C classes.
  public init(scales: [Float]) { self.scales = scales }

  /// The name `softmax-scaled`, which no head file has.
  public var name: String { "softmax-scaled" }
  /// The number of foreground classes, C.
  public var classCount: Int { scales.count - 1 }
  /// The number of logits, C + 1.
  public var logitCount: Int { scales.count }
  /// The logit of a class; background's stands before them.
  public func logit(ofClass index: Int) -> Int { index + 1 }
  /// The logit of background, which is the first.
  public var backgroundLogits: [Int] { [0] }
  /// The word of softmax heads, since such a head is what is scaled.
  public var backgroundKind: String { SoftmaxLayout(classCount: classCount).backgroundKind }
  /// Softmax of the scaled logits; background's is dropped.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    for row in 0..<count {
      let z = logits + row * logitCount
      for index in scales.indices { z[index] *= scales[index] }
      _ = Float.softmax(z, count: logitCount)
      (scores + row * classCount).update(from: z + 1, count: classCount)
    }
  }
}
