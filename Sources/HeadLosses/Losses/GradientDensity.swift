/// The number of a batch's gradients that are about as large as each other: the gradient density of GHM (Li et al.,
/// AAAI 2019, eq. 5 to 9; GHM_Detection `ghm_loss.py`).
///
/// Lengths g in 0…1 fall into equal bins [i/b, (i+1)/b), 1 into the last. The count of a bin that is not empty is
/// averaged over batches, acc ← μ acc + (1 − μ) count from 0 on; empty bins stay as they are.
public struct GradientDensity: Sendable, Equatable {
  /// The averaged count of each bin [bins].
  public var accumulated: [Double]
  /// The share μ of a bin's count that stays; 0 for counts of the batch alone.
  public let momentum: Double

  /// Starts with counts of 0.
  public init(bins: Int = 30, momentum: Double = 0.75) {
    accumulated = Array(repeating: 0, count: max(1, bins))
    self.momentum = momentum
  }

  /// Takes in a batch's counts.
  ///
  /// - Parameter counts: The lengths in each bin.
  /// - Returns: What a length in each bin weighs: total / (acc · bins that are not empty), 0 for an empty bin. `total`,
  ///   the number of lengths, is also what the loss is divided by.
  public mutating func weights(counts: [Int]) -> [Double] {
    let total = Double(max(1, counts.reduce(0, +)))
    let filled = Double(counts.reduce(0) { $0 + ($1 > 0 ? 1 : 0) })
    return counts.indices.map { bin in
      guard counts[bin] > 0 else { return 0 }
      accumulated[bin] = momentum * accumulated[bin] + (1 - momentum) * Double(counts[bin])
      return total / (accumulated[bin] * filled)
    }
  }
}
