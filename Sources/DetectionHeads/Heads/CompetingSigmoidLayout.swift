import DenseLinearAlgebra
import RealModule

/// A sigmoid per class whose score is multiplied by a power of the softmax over the classes, σ(z_c) · softmax(z)_c^κ: of two
/// classes that a sigmoid head finds in one example, the one that it finds more likely takes from the other. Where background
/// is an objectness its factor stays.
///
/// It is this project's own: detectors with a sigmoid for each class let an example be several classes at once, which one
/// object is not.
public struct CompetingSigmoidLayout: LogitLayout, Equatable {
  /// The layout of the head that is calibrated.
  public let base: SigmoidLayout
  /// The exponent κ; 0 leaves the scores as they are.
  public let exponent: Float

  /// Makes a layout.
  ///
  /// - Parameters:
  ///   - base: The layout of the head that is calibrated.
  ///   - exponent: κ.
  public init(base: SigmoidLayout, exponent: Float) {
    self.base = base
    self.exponent = exponent
  }

  /// The name of the layout beneath, behind `competing-`.
  public var name: String { "competing-\(base.name)" }
  /// The number C of foreground classes.
  public var classCount: Int { base.classCount }
  /// As in the layout beneath.
  public var logitCount: Int { base.logitCount }
  /// As in the layout beneath.
  public func logit(ofClass index: Int) -> Int { base.logit(ofClass: index) }
  /// As in the layout beneath.
  public var backgroundLogits: [Int] { base.backgroundLogits }
  /// The layout beneath's.
  public var backgroundKind: String { base.backgroundKind }
  /// κ, which head files keep as `layout.exponent`.
  public var tensors: [String: [Float]] { ["exponent": [exponent]] }

  /// The layout with the κ of a head file.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout {
    guard let values = tensors["exponent"], values.count == 1, values[0] >= 0, values[0].isFinite else {
      throw LinearHeadError(.badValue, "layout.exponent must be one number, 0 or more")
    }
    return CompetingSigmoidLayout(base: base, exponent: values[0])
  }

  /// The scores of the layout beneath, times softmax(z)_c^κ over the classes.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    let first = base.logit(ofClass: 0)
    var factors = [Float](repeating: 0, count: classCount)
    for row in 0..<count {
      let z = logits + row * logitCount
      let score = scores + row * classCount
      for index in 0..<classCount { factors[index] = z[first + index] }
      // softmax^κ = e^{κ (z − log Σ e^z)}, from the logits again: a power of a probability that is 0 would lose them.
      let total = Float.softmax(&factors, count: classCount)
      for index in 0..<classCount { factors[index] = .exp(exponent * (z[first + index] - total)) }
      base.scores(logits: z, count: 1, into: score)
      for index in 0..<classCount { score[index] *= factors[index] }
    }
  }
}
