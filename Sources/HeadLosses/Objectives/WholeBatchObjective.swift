import DenseLinearAlgebra

/// A loss that takes all its logits for all RoIs of a batch: it need not say which, and gets them in one block.
public protocol WholeBatchObjective: HeadObjective {
  /// Replaces the logits of a batch by dLoss/dLogits.
  ///
  /// - Parameters:
  ///   - logits: All logits of all RoIs.
  ///   - threads: How many threads it may use.
  /// - Returns: The parts of the loss, in the order of `componentNames`.
  mutating func backward(_ logits: BlockLogits, threads: Int) -> [Double]
}

extension WholeBatchObjective {
  /// Asks for all logits of all RoIs.
  public mutating func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock] {
    [LogitBlock(logits: 0..<layout.logitCount)]
  }

  /// The loss of the one block.
  public mutating func backward(
    _ blocks: [BlockLogits], batchCount: Int, threads: Int
  ) -> [Double] {
    guard let all = blocks.first else { return componentNames.map { _ in 0 } }
    return backward(all, threads: threads)
  }
}
