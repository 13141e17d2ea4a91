import DenseLinearAlgebra

/// A softmax classifier whose classes are told apart by the cosine to their mean feature: background, the classes by
/// ascending category id, then the class means (NCM; Li et al., CVPR 2020, table 1; official `DCM.py`).
///
/// score_c = (1 − p_bg) · softmax_c(cos(x, μ)), with p_bg the softmax probability of background over the first C + 1
/// logits.
public struct NearestClassMeanLayout: LogitLayout, Equatable {
  /// C, the number of foreground classes.
  public let classCount: Int
  /// Whether a class has a mean. One without scores 0.
  public let hasMean: [Bool]

  /// Makes a layout.
  ///
  /// - Parameter hasMean: For every class, whether it has a mean.
  public init(hasMean: [Bool]) {
    classCount = hasMean.count
    self.hasMean = hasMean
  }

  /// The name in head files, `nearest-class-mean`.
  public var name: String { "nearest-class-mean" }
  /// The number of logits, 2C + 1.
  public var logitCount: Int { 2 * classCount + 1 }
  /// The mean of a class: what tells it from the others.
  public func logit(ofClass index: Int) -> Int { classCount + 1 + index }
  /// The logit of background, which is the first.
  public var backgroundLogits: [Int] { [0] }
  /// The word of softmax heads, whose background it has.
  public var backgroundKind: String { SoftmaxLayout(classCount: classCount).backgroundKind }
  /// Cosines to the means behind C + 1 plain logits.
  public var product: LogitProduct { .linearThenCosine(linear: classCount + 1) }
  /// 1 for a class with a mean, else 0.
  public var tensors: [String: [Float]] { ["has_mean": hasMean.map { $0 ? 1 : 0 }] }

  /// The layout with what a head file says of the means.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout {
    guard let values = tensors["has_mean"], values.count == classCount else {
      throw LinearHeadError(.badValue, "layout.has_mean must be \(classCount) numbers, one a class")
    }
    return NearestClassMeanLayout(hasMean: values.map { $0 != 0 })
  }

  /// (1 − p_bg) times the softmax of the cosines to the means that there are.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    for row in 0..<count {
      let z = logits + row * logitCount
      let score = scores + row * classCount
      _ = Float.softmax(z, count: classCount + 1)
      // The classes with a mean side by side for the softmax, then back to their places, the last one first.
      var next = 0
      for index in 0..<classCount where hasMean[index] {
        score[next] = z[classCount + 1 + index]
        next += 1
      }
      if next > 0 { _ = Float.softmax(score, count: next) }
      for index in (0..<classCount).reversed() {
        if hasMean[index] { next -= 1 }
        score[index] = hasMean[index] ? (1 - z[0]) * score[next] : 0
      }
    }
  }
}
