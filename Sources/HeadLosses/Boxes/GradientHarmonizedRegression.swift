import DenseLinearAlgebra

/// GHM-R (Li, Liu and Wang, AAAI 2019, §3.4; mmdetection `GHMR`): ASL1 = √(d² + μ²) − μ, each value weighted by the
/// inverse density of its gradient norm g = |d| / √(d² + μ²).
///
/// The norms fall into bins of equal width over 0...1. A value's weight is total / (count of its bin · non-empty bins);
/// the counts are running means with `momentum`, which start at 0, so that first batches weigh more; a bin that is empty
/// in a batch keeps its count. The weights carry no gradient. It has a normaliser of its own, the weighted values, and
/// not the RoIs of the batch.
public struct GradientHarmonizedRegression: BoxLoss {
  /// μ: where the loss goes over from square to linear.
  public let mu: Double
  /// The share of a bin's count that stays; 0 for the counts of the batch alone.
  public let momentum: Double
  /// The running counts of the bins.
  public private(set) var binCounts: [Double]

  /// Makes the loss.
  ///
  /// - Parameters:
  ///   - mu: μ, above 0.
  ///   - bins: The number of bins, at least 1.
  ///   - momentum: At least 0 and below 1.
  public init(mu: Double = 0.02, bins: Int = 10, momentum: Double = 0.7) {
    self.mu = mu
    self.momentum = momentum
    binCounts = Array(repeating: 0, count: bins)
  }

  /// The loss of a batch; every delta of a foreground RoI weighs 1.
  public mutating func backward(
    _ deltas: UnsafeMutablePointer<Float>, targets: UnsafePointer<Float>, count: Int, batchCount: Int
  ) -> Double {
    harmonize(deltas, targets: targets, weights: nil, count: 4 * count)
  }

  /// The same for any scalar, with a weight for every value.
  ///
  /// - Parameters:
  ///   - values: Predictions, [count]; overwritten by the gradient.
  ///   - targets: What they should be, [count].
  ///   - weights: 0 for values that take no part; else they only add to the normaliser, as in mmdetection. `nil`: 1.
  ///   - count: How many.
  /// - Returns: The loss.
  package mutating func harmonize<Scalar: DenseScalar>(
    _ values: UnsafeMutablePointer<Scalar>, targets: UnsafePointer<Scalar>, weights: UnsafePointer<Scalar>?, count: Int
  ) -> Double {
    var batchCounts = binCounts.map { _ in 0 }
    var total = 0.0
    for index in 0..<count {
      let weight = weights.map { Double($0[index]) } ?? 1
      total += weight
      if weight > 0 { batchCounts[bin(Double(values[index] - targets[index]))] += 1 }
    }
    total = max(1, total)
    let binWeights = self.binWeights(batchCounts, total: total)
    var sum = 0.0
    for index in 0..<count {
      guard weights.map({ $0[index] > 0 }) ?? true else {
        values[index] = 0
        continue
      }
      let difference = Double(values[index] - targets[index])
      let root = (difference * difference + mu * mu).squareRoot()
      let weight = binWeights[bin(difference)]
      sum += weight * (root - mu)
      values[index] = Scalar(weight / total * difference / root)
    }
    return sum / total
  }

  /// total / (count · non-empty bins) of every bin; the running counts take in those of the batch first.
  private mutating func binWeights(_ batchCounts: [Int], total: Double) -> [Double] {
    let filled = Double(batchCounts.count { $0 > 0 })
    return batchCounts.indices.map { bin in
      guard batchCounts[bin] > 0 else { return 0 }
      let count = Double(batchCounts[bin])
      if momentum > 0 { binCounts[bin] = momentum * binCounts[bin] + (1 - momentum) * count }
      return total / (momentum > 0 ? binCounts[bin] : count) / filled
    }
  }

  /// The bin of a difference: edges are i / bins, a norm on an edge belongs above it, the last bin is open.
  private func bin(_ difference: Double) -> Int {
    let norm = abs(difference) / (difference * difference + mu * mu).squareRoot()
    let bins = binCounts.count
    guard norm.isFinite else { return bins - 1 }
    var bin = min(bins - 1, Int(norm * Double(bins)))
    while bin > 0 && norm < Double(bin) / Double(bins) { bin -= 1 }
    while bin + 1 < bins && norm >= Double(bin + 1) / Double(bins) { bin += 1 }
    return bin
  }

  /// No sum: the weights depend on the whole batch, and it has a normaliser of its own.
  public var isSum: Bool { false }

  /// ASL1 summed over the four deltas, since the weights depend on the whole batch.
  public func loss(deltas: UnsafePointer<Float>, targets: UnsafePointer<Float>) -> Float {
    (0..<4).reduce(0) { sum, index in
      let difference = Double(deltas[index] - targets[index])
      return sum + Float((difference * difference + mu * mu).squareRoot() - mu)
    }
  }

  /// The running counts of the bins, for a checkpoint.
  public var state: [String: [Double]] { ["ghm_r.bin_counts": binCounts] }

  /// Takes the running counts back.
  public mutating func restore(state: [String: [Double]]) throws {
    guard let counts = state["ghm_r.bin_counts"], state.count == 1, counts.count == binCounts.count else {
      throw TrainingError.foreignCheckpoint("it holds no counts of \(binCounts.count) GHM-R bins")
    }
    binCounts = counts
  }
}
