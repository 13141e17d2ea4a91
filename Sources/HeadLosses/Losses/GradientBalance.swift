import RealModule

/// How much positive gradient each class has had for its negative, and the weights that follow (EQL v2; Tan et al., CVPR
/// 2021, eq. 5 to 7; eqlv2 `eqlv2.py`).
///
/// With r = Σ positive / Σ negative: negatives weigh n = σ(γ (r − μ)), positives 1 + α (1 − n). r starts at 100, where
/// both are 1.
public struct GradientBalance: Sendable, Equatable {
  /// γ.
  public var slope = 12.0
  /// μ.
  public var middle = 0.8
  /// α.
  public var boost = 4.0
  /// Σ |gradient| of positives, weights included [C].
  public var positive: [Double]
  /// Σ |gradient| of negatives, weights included [C].
  public var negative: [Double]
  /// r [C].
  public private(set) var ratio: [Double]

  /// Starts from nothing.
  public init(classCount: Int) {
    positive = Array(repeating: 0, count: classCount)
    negative = positive
    ratio = Array(repeating: 100, count: classCount)
  }

  /// The weights that the next batch gets, of negatives and of positives [C] each.
  public var weights: (negative: [Double], positive: [Double]) {
    let negative = ratio.map { 1 / (1 + .exp(-slope * ($0 - middle))) }
    return (negative, negative.map { 1 + boost * (1 - $0) })
  }

  /// Takes in what a batch's gradient sums up to.
  ///
  /// - Parameters:
  ///   - positive: Σ_rows |gradient| at targets [C], not divided by the number of RoIs.
  ///   - negative: The same elsewhere [C].
  public mutating func add(positive: [Double], negative: [Double]) {
    for index in ratio.indices {
      self.positive[index] += positive[index]
      self.negative[index] += negative[index]
      ratio[index] = self.positive[index] / (self.negative[index] + 1e-10)
    }
  }

  /// Goes on from sums, and the ratio that they give.
  mutating func restore(positive: [Double], negative: [Double], ratio: [Double]) {
    (self.positive, self.negative, self.ratio) = (positive, negative, ratio)
  }
}
