import DenseLinearAlgebra

/// A softmax classifier whose logits are multiplied by a scale each: background, then the classes by ascending category id.
/// The scales are fixed (IIF), or learnt and then folded into the rows (LWS), so that no file of a finished LWS has it.
public struct ScaledLayout: LogitLayout, Equatable {
  /// s [C + 1].
  public let scales: [Float]

  /// Makes a layout.
  public init(scales: [Float]) { self.scales = scales }

  /// `softmax-scaled`.
  public var name: String { "softmax-scaled" }
  /// C.
  public var classCount: Int { scales.count - 1 }
  /// C + 1.
  public var logitCount: Int { scales.count }
  /// The logit behind background's.
  public func logit(ofClass index: Int) -> Int { index + 1 }
  /// The first.
  public var backgroundLogits: [Int] { [0] }
  /// A softmax head's background, since such a head is what is scaled.
  public var backgroundKind: String { SoftmaxLayout(classCount: classCount).backgroundKind }
  /// The logit's scale.
  public func scale(ofLogit logit: Int) -> Float { scales[logit] }
  /// s.
  public var tensors: [String: [Float]] { ["scales": scales] }

  /// The layout with the s of a head file.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout {
    guard let values = tensors["scales"], values.count == logitCount, values.allSatisfy(\.isFinite) else {
      throw LinearHeadError("layout.scales must be \(logitCount) finite numbers, one a logit")
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
