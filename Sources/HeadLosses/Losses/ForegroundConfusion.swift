import DenseLinearAlgebra
import RealModule

/// How often foreground RoIs of each class have been taken for each other class, as BACL tracks it (Qi et al. 2023;
/// Tianhao-Qi/BACL `fcbl.py`, `get_cm`, `update_cm`): the mean softmax over the classes at the RoIs of a class.
public struct ForegroundConfusion: Sendable, Equatable {
  /// Σ of the softmax over the classes at RoIs of class i, [C, C] row after row.
  public var sums: [Double]
  /// The RoIs of each class [C].
  public var counts: [Double]

  /// Starts from nothing.
  public init(classCount: Int) {
    sums = Array(repeating: 0, count: classCount * classCount)
    counts = Array(repeating: 0, count: classCount)
  }

  /// M_ij: the share of class j at RoIs of class i; 0 for a class that has had none.
  public func share(_ i: Int, _ j: Int) -> Double { sums[i * counts.count + j] / max(1, counts[i]) }

  /// M_cc of every class [C].
  public var accuracies: [Double] { counts.indices.map { share($0, $0) } }

  /// α log(M_yj / M_jy) for a RoI of class y, both shares 1e-3 at least.
  ///
  /// - Parameters:
  ///   - label: y.
  ///   - strength: α.
  ///   - margins: [C], overwritten.
  public func setMargins<Scalar: DenseScalar>(
    of label: Int, strength: Double, into margins: UnsafeMutablePointer<Scalar>
  ) {
    for index in counts.indices {
      margins[index] = Scalar(strength * .log(max(1e-3, share(label, index)) / max(1e-3, share(index, label))))
    }
  }

  /// Takes in the plain logits of a batch's foreground RoIs.
  ///
  /// - Parameters:
  ///   - logits: [labels.count, columns], the classes first.
  ///   - columns: The number of logits a row, at least C.
  ///   - labels: Class indices, −1 for background, whose rows are passed over.
  public mutating func add<Scalar: DenseScalar>(
    logits: UnsafePointer<Scalar>, columns: Int, labels: [Int32]
  ) {
    let classCount = counts.count
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: classCount) { scores in
      guard let scores = scores.baseAddress else { return }
      for (row, label) in labels.enumerated() where label >= 0 {
        scores.initialize(from: logits + row * columns, count: classCount)
        _ = Scalar.softmax(scores, count: classCount)
        let start = Int(label) * classCount
        for index in 0..<classCount { sums[start + index] += Double(scores[index]) }
        counts[Int(label)] += 1
      }
    }
  }
}

/// BACL's foreground classification balance loss (Qi et al. 2023; `fcbl.py`) over C classes and background, which is trained
/// as one more class: Σ_rows Σ_j w_j BCE(z_j + α log(M_yj / M_jy), t_j) / divisor, replaced in place by its gradient; y is
/// the row's class, background rows have no margins.
///
/// With a least score, a foreground RoI's negatives count only where they score no lower than its own class, or no lower
/// than it: w_j = 1 there, for its own class and for background, else 0. Scores are σ(z_j) · (1 − σ(z_background)),
/// without margins. No gradient flows through margins and weights.
///
/// - Parameters:
///   - logits: [rows.upperBound or more, C + 1], background last; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - labels: The class of every row, or −1 for background.
///   - confusion: M, of the batches before.
///   - strength: α.
///   - leastScore: The score from which on negatives count; `nil` where all do.
///   - divisor: What the sum is divided by: all RoIs.
/// - Returns: The part of the loss that comes from `rows`.
public func foregroundBalanceLoss<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, labels: [Int32], confusion: ForegroundConfusion,
  strength: Double, leastScore: Double?, divisor: Scalar
) -> Double {
  let classCount = confusion.counts.count
  let columns = classCount + 1
  return withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 2 * columns) { scratch in
    guard let margins = scratch.baseAddress else { return 0 }
    let weights = margins + columns
    margins.initialize(repeating: 0, count: 2 * columns)
    var loss = 0.0
    for row in rows {
      let z = logits + row * columns
      let label = Int(labels[row])
      for column in 0..<columns { weights[column] = 1 }
      if label >= 0 {
        if let leastScore { setWeights(z, label: label, classCount: classCount, Scalar(leastScore), into: weights) }
        confusion.setMargins(of: label, strength: strength, into: margins)
        for column in 0..<classCount { z[column] += margins[column] }
      }
      loss += binaryCrossEntropyRow(
        z, columns: columns, target: label >= 0 ? Int32(label) : Int32(classCount), negativeWeights: weights,
        positiveWeight: 1, scale: 1 / divisor)
    }
    return loss / Double(divisor)
  }
}

/// 1 for columns that score no lower than the RoI's own class, or than the least score, and for background; else 0.
private func setWeights<Scalar: DenseScalar>(
  _ z: UnsafePointer<Scalar>, label: Int, classCount: Int, _ leastScore: Scalar,
  into weights: UnsafeMutablePointer<Scalar>
) {
  weights.update(from: z, count: classCount + 1)
  Scalar.sigmoid(weights, count: classCount + 1)
  let foreground = 1 - weights[classCount]
  for index in 0..<classCount { weights[index] *= foreground }
  let own = weights[label]
  for index in 0..<classCount { weights[index] = weights[index] >= min(own, leastScore) ? 1 : 0 }
  weights[classCount] = 1
}
