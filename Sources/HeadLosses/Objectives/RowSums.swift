import DenseLinearAlgebra

/// Softmax cross-entropy of one block, its rows shared out among threads.
///
/// - Parameters:
///   - block: [rowCount, columns], overwritten by the gradient.
///   - targets: The target logit of every row.
///   - adjustment: Added to every row; `nil` for none.
///   - weights: By the row's target; `nil` for 1.
///   - divisor: What the sum is divided by.
///   - threads: How many threads to use.
/// - Returns: The loss.
func softmaxCrossEntropy(
  _ block: BlockLogits, targets: [Int32], adjustment: [Float]? = nil, weights: [Float]? = nil, divisor: Float,
  threads: Int
) -> Double {
  sumOverRows(block.rowCount, threads: threads) { rows in
    softmaxCrossEntropy(
      logits: block.values, rows: rows, columns: block.columns, targets: targets, adjustment: adjustment,
      weights: weights, divisor: divisor)
  }
}

/// Σ of what `body` gives for shares of the rows, added in order: the same for any number of threads.
///
/// - Parameters:
///   - rowCount: The rows to share out.
///   - threads: How many threads to use.
///   - body: Gives the sum over some rows; called on several threads at once.
public func sumOverRows(_ rowCount: Int, threads: Int, _ body: (Range<Int>) -> Double) -> Double {
  // By the rows alone, or the sum would depend on the threads.
  sumOverParts(rowCount, parts: max(1, min(64, rowCount / 16)), threads: threads) { _, rows in body(rows) }
}

/// The same over so many shares, told which of them it is.
package func sumOverParts(
  _ rowCount: Int, parts: Int, threads: Int, _ body: (Int, Range<Int>) -> Double
) -> Double {
  withUnsafeTemporaryAllocation(of: Double.self, capacity: parts) { sums in
    guard let base = sums.baseAddress else { return 0 }
    inParallel(count: parts, threads: threads) { part in
      (base + part).initialize(to: body(part, evenSlice(of: rowCount, part: part, of: parts)))
    }
    return sums.reduce(0, +)
  }
}
