import DenseLinearAlgebra

/// An ordinary softmax classifier: background, then the classes by ascending category id.
public struct SoftmaxLayout: LogitLayout, Equatable {
  /// C, the number of foreground classes.
  public let classCount: Int

  /// Makes a layout for C foreground classes.
  public init(classCount: Int) { self.classCount = classCount }

  /// The name in head files, `softmax`.
  public var name: String { "softmax" }
  /// The number of logits, C + 1.
  public var logitCount: Int { classCount + 1 }
  /// The logit of a class; background's stands before them.
  public func logit(ofClass index: Int) -> Int { index + 1 }
  /// The logit of background, which is the first.
  public var backgroundLogits: [Int] { [0] }

  /// The softmax over all logits; background's is dropped.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    for row in 0..<count {
      let z = logits + row * logitCount
      _ = Float.softmax(z, count: logitCount)
      (scores + row * classCount).update(from: z + 1, count: classCount)
    }
  }
}
