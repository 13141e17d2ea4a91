import DenseLinearAlgebra

/// A softmax classifier whose logits are multiplied by a scale each: background, then the classes by ascending category id.
/// The scales are fixed (IIF), or learnt and then folded into the rows (LWS), so that no file of a finished LWS has it.
public struct ScaledLayout: LogitLayout, Equatable {
  /// The scale of every logit, background first [C + 1].
  public let scales: [Float]

  /// Makes a layout from the scales of background and the C classes.
  public init(scales: [Float]) { self.scales = scales }

  /// The name `softmax-scaled`.
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
  /// The scale of a logit.
  public func scale(ofLogit logit: Int) -> Float { scales[logit] }
  /// The scales, which head files keep as `layout.scales`.
  public var tensors: [String: [Float]] { ["scales": scales] }

  /// The layout with the scales of a head file.
  ///
  /// - Throws: `LinearHeadError` if they are not one finite number a logit.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout {
    guard let values = tensors["scales"], values.count == logitCount, values.allSatisfy(\.isFinite) else {
      throw LinearHeadError(.badValue, "layout.scales must be \(logitCount) finite numbers, one a logit")
    }
    return ScaledLayout(scales: values)
  }

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
