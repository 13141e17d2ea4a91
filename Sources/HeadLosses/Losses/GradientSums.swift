/// Sums of positive and negative gradient by class, and the ratio that they give: what a loss that weighs classes by them
/// keeps in a checkpoint.
protocol GradientSums {
  /// Σ |gradient| of positives [C].
  var positive: [Double] { get set }
  /// Σ |gradient| of negatives [C].
  var negative: [Double] { get set }
  /// The ratio that follows from them [C].
  var ratio: [Double] { get set }
}

extension GradientSums {
  /// The sums so far, for a checkpoint.
  var state: [String: [Double]] { ["positive": positive, "negative": negative, "ratio": ratio] }

  /// Takes back the sums of a checkpoint.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if they are another method's.
  mutating func restore(state: [String: [Double]]) throws {
    let count = ratio.count
    let (positive, negative) = (
      try state.values("positive", count: count), try state.values("negative", count: count)
    )
    ratio = try state.values("ratio", count: count)
    (self.positive, self.negative) = (positive, negative)
  }
}
