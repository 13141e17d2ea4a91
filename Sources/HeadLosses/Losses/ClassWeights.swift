import RealModule

/// Weights that rise as classes get rarer. Shapes: C classes, n_c their instances; a class without instances counts as
/// one instance in every formula.
public enum ClassWeights {
  /// w_c = (1/n_c) / mean_c(1/n_c), held to 0.1…5 (official BAGS code, `get_cate_weight`).
  ///
  /// - Returns: [C].
  public static func inverseFrequency(counts: [Int], limits: ClosedRange<Double> = 0.1...5) -> [Double] {
    limited(normalized(counts.map { 1 / Double(max(1, $0)) }, total: Double(counts.count)), to: limits)
  }

  /// w_c = (1 − β) / (1 − β^{n_c}), divided by its mean and held to 0.1…5: one over the effective number of samples (Cui
  /// et al., CVPR 2019, eq. 2; official BAGS code, `get_cate_weight_bours`).
  ///
  /// - Parameters:
  ///   - counts: n_c.
  ///   - beta: β, at least 0 and below 1.
  ///   - limits: Where weights are held; `nil` for Cui et al.'s own form, Σ w_c = C and nothing more.
  /// - Returns: [C].
  public static func effectiveNumber(
    counts: [Int], beta: Double, limits: ClosedRange<Double>? = 0.1...5
  ) -> [Double] {
    let weights = normalized(
      counts.map { (1 - beta) / (1 - .pow(beta, Double(max(1, $0)))) }, total: Double(counts.count))
    return limits.map { limited(weights, to: $0) } ?? weights
  }

  /// w_c = n_c^−ρ, normalised to Σ w_c = C: the generalised re-weighting of DisAlign (Zhang et al., CVPR 2021, eq. 8).
  ///
  /// - Returns: [C].
  public static func generalized(counts: [Int], exponent rho: Double) -> [Double] {
    normalized(counts.map { .pow(Double(max(1, $0)), -rho) }, total: Double(counts.count))
  }

  private static func normalized(_ weights: [Double], total: Double) -> [Double] {
    let sum = weights.reduce(0, +)
    return weights.map { $0 / sum * total }
  }

  private static func limited(_ weights: [Double], to limits: ClosedRange<Double>) -> [Double] {
    weights.map { min(max($0, limits.lowerBound), limits.upperBound) }
  }
}

extension TrainingMethod {
  /// The method `reweight`, softmax weighted by inverse class frequency.
  public static let reweighting = TrainingMethod(
    name: "reweight", summary: "softmax, each RoI weighted by the inverse frequency of its class",
    source: "the weights of Li et al., CVPR 2020 (get_cate_weight)",
    parameters: [
      .number("weight-floor", default: 0.1, in: 0...1, "the smallest weight of a class"),
      .number("weight-ceiling", default: 5, in: 1...1e9, "the largest weight of a class"),
    ],
    objective: { data, parameters in
      let limits = parameters.number("weight-floor")...parameters.number("weight-ceiling")
      let weights = ClassWeights.inverseFrequency(counts: data.groups.members.map(\.instanceCount), limits: limits)
      return SoftmaxObjective(classCount: data.groups.classCount, weights: [1] + weights)
    })

  /// The method `effective-number`, softmax weighted by the effective number of samples (Cui et al., CVPR 2019).
  public static let effectiveNumber = TrainingMethod(
    name: "effective-number", summary: "softmax, each RoI weighted by one over the effective number of its class",
    source: "Cui et al., CVPR 2019, as Li et al., CVPR 2020, use it",
    parameters: [
      .number("beta", default: 0.999, in: 0...0.999999999, "β: the nearer to 1, the nearer to inverse frequency"),
      .number("weight-floor", default: 0.1, in: 0...1, "the smallest weight of a class"),
      .number("weight-ceiling", default: 5, in: 1...1e9, "the largest weight of a class"),
    ],
    objective: { data, parameters in
      let limits = parameters.number("weight-floor")...parameters.number("weight-ceiling")
      let weights = ClassWeights.effectiveNumber(
        counts: data.groups.members.map(\.instanceCount), beta: parameters.number("beta"), limits: limits)
      return SoftmaxObjective(classCount: data.groups.classCount, weights: [1] + weights)
    })
}
