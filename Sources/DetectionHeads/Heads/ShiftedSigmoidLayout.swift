import DenseLinearAlgebra

/// A sigmoid per class whose score is multiplied by the sigmoid of the shifted logit, σ(z_c) · σ(z_c + s_c): a sigmoid head
/// calibrated by FRACAL (Alexandridis et al., CVPR 2025; kostas1515/FRACAL `fracal_bbox_head.py`). Where background is an
/// objectness its factor stays, once.
public struct ShiftedSigmoidLayout: LogitLayout, Equatable {
  /// The layout of the head that is calibrated.
  public let base: SigmoidLayout
  /// The shift s of every class's logit [C].
  public let shifts: [Float]

  /// Makes a layout.
  ///
  /// - Parameters:
  ///   - base: The layout of the head that is calibrated.
  ///   - shifts: s [C].
  public init(base: SigmoidLayout, shifts: [Float]) {
    self.base = base
    self.shifts = shifts
  }

  /// The name of the layout that is shifted, behind `shifted-`.
  public var name: String { "shifted-\(base.name)" }
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
  /// The shifts, which head files keep as `layout.shifts`.
  public var tensors: [String: [Float]] { ["shifts": shifts] }

  /// The layout with the s of a head file.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout {
    guard let values = tensors["shifts"], values.count == classCount, values.allSatisfy(\.isFinite) else {
      throw LinearHeadError(.badValue, "layout.shifts must be \(classCount) finite numbers, one a class")
    }
    return ShiftedSigmoidLayout(base: base, shifts: values)
  }

  /// The scores of the layout beneath, times σ(z_c + s_c).
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    let first = base.logit(ofClass: 0)
    var factors = [Float](repeating: 0, count: classCount)
    for row in 0..<count {
      let z = logits + row * logitCount
      let score = scores + row * classCount
      for index in 0..<classCount { factors[index] = z[first + index] + shifts[index] }
      Float.sigmoid(&factors, count: classCount)
      base.scores(logits: z, count: 1, into: score)
      for index in 0..<classCount { score[index] *= factors[index] }
    }
  }
}
