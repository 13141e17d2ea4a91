import DenseLinearAlgebra

/// A softmax over s-fold cosines: background, then the classes by ascending category id (the normalised linear layer of
/// Cao et al., NeurIPS 2019). A logit is cos(x, w); there is no bias.
public struct CosineLayout: LogitLayout, Equatable {
  /// C, the number of foreground classes.
  public let classCount: Int
  /// s: what the softmax multiplies cosines by.
  public let scale: Float

  /// Makes a layout for C foreground classes.
  public init(classCount: Int, scale: Float = 30) {
    self.classCount = classCount
    self.scale = scale
  }

  /// `cosine`.
  public var name: String { "cosine" }
  /// C + 1.
  public var logitCount: Int { classCount + 1 }
  /// The logit behind background's.
  public func logit(ofClass index: Int) -> Int { index + 1 }
  /// The first.
  public var backgroundLogits: [Int] { [0] }
  /// Logits are cosines.
  public var product: LogitProduct { .cosine }
  /// s.
  public var tensors: [String: [Float]] { ["scale": [scale]] }

  /// The layout with the s of a head file.
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
