import DenseLinearAlgebra

/// The best candidates of many, in their order: as many as are asked for, whatever number passed the threshold.
///
/// Once several times as many are there, the others are dropped, and what scores no more than the last of those kept is no
/// candidate any more: it stands behind them, since places ascend.
struct BestCandidates {
  /// The score that a further candidate must pass.
  private(set) var threshold: Float
  private let limit: Int
  private var found: [Candidate] = []

  /// - Parameters:
  ///   - limit: How many are kept.
  ///   - threshold: The score that a candidate must pass.
  init(limit: Int, threshold: Float) {
    self.limit = limit
    self.threshold = threshold
  }

  /// Adds a candidate that passed the threshold, by ascending place.
  mutating func add(_ candidate: Candidate) { found.append(candidate) }

  /// Drops what cannot be among the best; called between candidates of one location and the next.
  mutating func prune() {
    guard found.count >= limit + max(limit, 64) * 3 else { return }
    found.moveFirst(limit, by: >)
    found.removeLast(found.count - limit)
    threshold = max(threshold, found.lazy.map(\.score).min() ?? threshold)
  }

  /// The best, in their order.
  mutating func taken() -> [Candidate] {
    found.moveFirst(limit, by: >)
    return found.prefix(limit).sorted(by: >)
  }
}
