/// A run of logits, and the RoIs of a batch for which a loss needs them.
///
/// Only these are multiplied: a group of BAGS looks at its positives and its sampled `others` alone.
public struct LogitBlock: Sendable {
  /// The logits: rows of the weight.
  public let logits: Range<Int>
  /// The RoIs of the batch, ascending; `nil` for all.
  public let rows: [Int32]?
  /// Whose features it multiplies, where the head has several stages.
  public let stage: Int

  /// Makes a block.
  public init(logits: Range<Int>, rows: [Int32]? = nil, stage: Int = 0) {
    self.logits = logits
    self.rows = rows
    self.stage = stage
  }

  /// How many RoIs it takes of a batch of `batchCount`.
  public func rowCount(batchCount: Int) -> Int { rows?.count ?? batchCount }
}

/// The logits of one block, to be replaced by the gradient of the loss.
public struct BlockLogits {
  /// [rowCount, columns].
  public let values: UnsafeMutablePointer<Float>
  /// The number of RoIs.
  public let rowCount: Int
  /// The number of logits.
  public let columns: Int
  /// The label of every one of those RoIs: its class index, or −1 for background.
  public let labels: [Int32]
  /// Which RoIs of the batch they are; `nil` for all.
  public let rows: [Int32]?

  /// Makes the logits of a block.
  public init(
    values: UnsafeMutablePointer<Float>, rowCount: Int, columns: Int, labels: [Int32], rows: [Int32]? = nil
  ) {
    self.rows = rows
    self.values = values
    self.rowCount = rowCount
    self.columns = columns
    self.labels = labels
  }

  /// How many of them are foreground.
  public var foregroundCount: Int { labels.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) } }
}
