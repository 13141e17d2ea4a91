import RealModule

/// The ratio of positive to negative gradient of each class so far, and the weights that follow from it (EQL v2; Tan et
/// al., CVPR 2021, eq. 5 to 7; eqlv2 `eqlv2.py`).
///
/// With r = Σ positive / Σ negative: negatives weigh n = σ(γ (r − μ)), positives 1 + α (1 − n). r starts at 100, where
/// both are 1.
public struct GradientBalance: GradientSums, Sendable, Equatable {
  /// The slope γ of the weights of negatives; 12 in the paper.
  public var slope = 12.0
  /// The ratio μ at which negatives weigh one half; 0.8 in the paper.
  public var middle = 0.8
  /// The most, α, that is added to the weight of positives; 4 in the paper.
  public var boost = 4.0
  /// Σ |gradient| of positives, weights included [C].
  public var positive: [Double]
  /// Σ |gradient| of negatives, weights included [C].
  public var negative: [Double]
  /// The ratio r of positive to negative gradient [C].
  public internal(set) var ratio: [Double]

  /// Starts with no gradient seen and a ratio of 100 for each of C classes.
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
}
