import RealModule

/// τ-scaled log-priors log(π_c^τ + 1e-12), added to the logits while training, or subtracted after it (Menon et al.,
/// ICLR 2021, eq. 9 and 10; google-research `logit_adjustment/utils.py`). π_c = n_c / Σ n; a class without instances
/// counts as one.
///
/// - Parameters:
///   - counts: n_c.
///   - tau: τ.
/// - Returns: [C].
public func logitAdjustment(counts: [Int], tau: Double = 1) -> [Double] {
  let clamped = counts.map { Double(max(1, $0)) }
  let total = clamped.reduce(0, +)
  return clamped.map { .log(.pow($0 / total, tau) + 1e-12) }
}

/// log n_c, added to the logits while training: balanced softmax (Ren et al., NeurIPS 2020, eq. 4; BalancedMetaSoftmax
/// `BalancedSoftmaxLoss.py`). A class without instances counts as one.
///
/// - Parameter counts: n_c.
/// - Returns: [C].
public func balancedSoftmaxAdjustment(counts: [Int]) -> [Double] { counts.map { .log(Double(max(1, $0))) } }

/// What background takes among the adjustments of classes: that of a class of mean count. So foreground as a whole keeps
/// its odds against background and only the classes' shares of it become equal; the papers have no background.
///
/// - Parameters:
///   - counts: n_c.
///   - tau: τ.
/// - Returns: The adjustment that belongs to `balancedSoftmaxAdjustment`, times τ.
func backgroundAdjustment(counts: [Int], tau: Double = 1) -> Double {
  tau * .log(counts.reduce(0) { $0 + Double(max(1, $1)) } / Double(max(1, counts.count)))
}

extension TrainingMethod {
  /// The method `balanced-softmax` (Ren et al., NeurIPS 2020).
  public static let balancedSoftmax = TrainingMethod(
    name: "balanced-softmax", summary: "softmax on z + log n_c while training, plain z afterwards",
    source: "Ren et al., NeurIPS 2020", parameters: [], takesClassWeights: true,
    objective: { data, _ in
      let counts = data.groups.members.map(\.instanceCount)
      return SoftmaxObjective(
        classCount: data.groups.classCount,
        adjustment: [backgroundAdjustment(counts: counts)] + balancedSoftmaxAdjustment(counts: counts),
        weights: data.classWeights)
    })

  /// The method `logit-adjustment` (Menon et al., ICLR 2021).
  public static let logitAdjustment = TrainingMethod(
    name: "logit-adjustment", summary: "softmax on z + τ log π_c while training, plain z afterwards",
    source: "Menon et al., ICLR 2021",
    parameters: [.number("tau", default: 1, in: 0...100, "τ: how far the prior is taken out; 1 is balanced softmax")],
    takesClassWeights: true,
    objective: { data, parameters in
      let counts = data.groups.members.map(\.instanceCount)
      let tau = parameters.number("tau")
      // Of a class of mean count, π = 1/C.
      let background = -tau * .log(Double(max(1, counts.count)))
      return SoftmaxObjective(
        classCount: data.groups.classCount,
        adjustment: [background] + HeadLosses.logitAdjustment(counts: counts, tau: tau),
        weights: data.classWeights)
    })
}
