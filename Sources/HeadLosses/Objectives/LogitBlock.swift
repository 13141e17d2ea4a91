/// A range of logits, and the RoIs of a batch for which a loss needs them.
///
/// Only these are multiplied: a group of balanced group softmax looks at its positives and its sampled `others` alone.
public struct LogitBlock: Sendable {
  /// The logits, which are rows of the weight.
  public let logits: Range<Int>
  /// The RoIs by their places in the batch, ascending; `nil` for all.
  public let rows: [Int32]?
  /// The stage whose features are multiplied, from 0, where the head has several.
  public let stage: Int

  /// Asks for logits of RoIs.
  ///
  /// - Parameters:
  ///   - logits: The logits, within those of the loss's layout.
  ///   - rows: The RoIs by their places in the batch, ascending; `nil` for all.
  ///   - stage: The stage whose features are multiplied.
  public init(logits: Range<Int>, rows: [Int32]? = nil, stage: Int = 0) {
    self.logits = logits
    self.rows = rows
    self.stage = stage
  }

  /// The number of RoIs that it takes of a batch of `batchCount`.
  public func rowCount(batchCount: Int) -> Int { rows?.count ?? batchCount }
}

/// The logits of one block, to be replaced by the gradient of the loss.
public struct BlockLogits {
  /// The logits [rowCount, columns], row after row.
  public let values: UnsafeMutablePointer<Float>
  /// The number of RoIs of the block.
  public let rowCount: Int
  /// The number of logits of the block.
  public let columns: Int
  /// The class index of each of the RoIs, or −1 for background [rowCount].
  public let labels: [Int32]
  /// The places of these RoIs in the batch; `nil` for all.
  public let rows: [Int32]?

  /// Makes a block of logits.
  ///
  /// - Parameters:
  ///   - values: The logits [rowCount, columns], row after row.
  ///   - rowCount: The number of RoIs.
  ///   - columns: The number of logits.
  ///   - labels: The class index of each of the RoIs, or −1 for background.
  ///   - rows: The places of the RoIs in the batch; `nil` for all.
  public init(
    values: UnsafeMutablePointer<Float>, rowCount: Int, columns: Int, labels: [Int32], rows: [Int32]? = nil
  ) {
    self.rows = rows
    self.values = values
    self.rowCount = rowCount
    self.columns = columns
    self.labels = labels
  }

  /// The number of foreground RoIs among them.
  public var foregroundCount: Int { labels.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) } }
}
