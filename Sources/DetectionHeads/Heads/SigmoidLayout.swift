import DenseLinearAlgebra

/// A sigmoid per class: the logits of the classes by ascending category id, and for some methods one for background.
public struct SigmoidLayout: LogitLayout, Equatable {
  /// The place and the meaning of a logit for background.
  public enum Background: String, Sendable, CaseIterable {
    /// There is none (focal loss, GHM, EQL).
    case none
    /// The first; it is trained but has no part in the scores (ACSL).
    case first
    /// The last; it has no part in anything (federated loss).
    case last
    /// The last, trained as background; scores are σ(z_c) · (1 − σ(z_background)) (EQL v2).
    case objectness
  }

  /// C, the number of foreground classes.
  public let classCount: Int
  /// The place and the meaning of background's logit; none by default.
  public let background: Background

  /// Makes a layout for C foreground classes, with or without a logit for background.
  public init(classCount: Int, background: Background = .none) {
    self.classCount = classCount
    self.background = background
  }

  /// The name in head files: `sigmoid`, `sigmoid-first`, `sigmoid-last` or `sigmoid-objectness`.
  public var name: String { background == .none ? "sigmoid" : "sigmoid-\(background.rawValue)" }
  /// The number of logits: C, or C + 1 with background.
  public var logitCount: Int { background == .none ? classCount : classCount + 1 }
  /// The logit of a class, behind background's where that is first.
  public func logit(ofClass index: Int) -> Int { background == .first ? index + 1 : index }
  /// The logit of background; empty where there is none.
  public var backgroundLogits: [Int] {
    switch background {
    case .none: []
    case .first: [0]
    case .last, .objectness: [classCount]
    }
  }

  /// The scores σ(z_c), times 1 − σ(z_background) where background is an objectness.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    sigmoidScores(logits: logits, count: count, into: scores)
  }

  /// The scores in `Float` or `Double`.
  ///
  /// - Parameters:
  ///   - logits: [count, K]; overwritten.
  ///   - count: N.
  ///   - scores: [count, C], overwritten.
  public func sigmoidScores<Scalar: DenseScalar>(
    logits: UnsafeMutablePointer<Scalar>, count: Int, into scores: UnsafeMutablePointer<Scalar>
  ) {
    let first = background == .first ? 1 : 0
    for row in 0..<count {
      let z = logits + row * logitCount
      let score = scores + row * classCount
      if background == .objectness { z[classCount] = -z[classCount] }
      Scalar.sigmoid(z, count: logitCount)
      let factor = background == .objectness ? z[classCount] : 1
      for index in 0..<classCount { score[index] = factor * z[first + index] }
    }
  }
}
