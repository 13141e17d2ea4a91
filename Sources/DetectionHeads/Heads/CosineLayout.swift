import DenseLinearAlgebra

/// A softmax over s-fold cosines: background, then the classes by ascending category id (the normalised linear layer of
/// Cao et al., NeurIPS 2019). A logit is cos(x, w); there is no bias.
public struct CosineLayout: LogitLayout, Equatable {
  /// C, the number of foreground classes.
  public let classCount: Int
  /// The factor s of the cosines in the softmax; 30 by default.
  public let scale: Float

  /// Makes a layout for C foreground classes and a factor of the cosines.
  public init(classCount: Int, scale: Float = 30) {
    self.classCount = classCount
    self.scale = scale
  }

  /// The name in head files, `cosine`.
  public var name: String { "cosine" }
  /// The number of logits, C + 1.
  public var logitCount: Int { classCount + 1 }
  /// The logit of a class; background's stands before them.
  public func logit(ofClass index: Int) -> Int { index + 1 }
  /// The logit of background, which is the first.
  public var backgroundLogits: [Int] { [0] }
  /// Logits are cosines of the features and the weight rows.
  public var product: LogitProduct { .cosine }
  /// The factor s, which head files keep as `layout.scale`.
  public var tensors: [String: [Float]] { ["scale": [scale]] }

  /// The layout with the factor s that a head file keeps.
  ///
  /// - Throws: `LinearHeadError` if it is not one finite number.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout {
    guard let values = tensors["scale"], values.count == 1, values[0].isFinite else {
      throw LinearHeadError(.badValue, "layout.scale must be one finite number")
    }
    return CosineLayout(classCount: classCount, scale: values[0])
  }

  /// Softmax of s times the cosines; background's is dropped.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    for row in 0..<count {
      let z = logits + row * logitCount
      for column in 0..<logitCount { z[column] *= scale }
      _ = Float.softmax(z, count: logitCount)
      (scores + row * classCount).update(from: z + 1, count: classCount)
    }
  }
}
