import DenseLinearAlgebra

/// A run of logits, and the RoIs of a batch for which a loss needs them.
///
/// Only these are multiplied: a group of BAGS looks at its positives and its sampled `others` alone.
public struct LogitBlock: Sendable {
  /// The logits: rows of the weight.
  public let logits: Range<Int>
  /// The RoIs of the batch, ascending; `nil` for all.
  public let rows: [Int32]?

  /// Makes a block.
  public init(logits: Range<Int>, rows: [Int32]? = nil) {
    self.logits = logits
    self.rows = rows
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
}

/// What training minimises: which logits it needs for a batch, and their loss and gradient.
///
/// A new method is one type that conforms; the products with the weight, the optimiser and the schedule are the
/// trainer's. A method with state keeps it in `self`.
public protocol HeadObjective: Sendable {
  /// What the logits speak of.
  var layout: any LogitLayout { get }

  /// The names of the parts that the loss is the sum of, such as `G0`…`G4`.
  var componentNames: [String] { get }

  /// The blocks that a batch needs.
  ///
  /// - Parameters:
  ///   - labels: The class index of every RoI, or −1 for background.
  ///   - generator: For what is drawn at random.
  mutating func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock]

  /// Replaces the logits of every block by dLoss/dLogits.
  ///
  /// - Parameters:
  ///   - blocks: The logits of the blocks asked for, in that order.
  ///   - batchCount: N, the number of RoIs in the batch.
  ///   - threads: How many threads it may use.
  /// - Returns: The parts of the loss, in the order of `componentNames`.
  mutating func replaceLogitsByGradient(_ blocks: [BlockLogits], batchCount: Int, threads: Int) -> [Double]

  /// What it has learnt from earlier batches, by name, for a checkpoint; empty for a method without state.
  var state: [String: [Double]] { get }

  /// Takes back what `state` gave.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if it is another method's.
  mutating func restore(state: [String: [Double]]) throws
}

extension HeadObjective {
  /// None.
  public var state: [String: [Double]] { [:] }

  /// Nothing to take back.
  public mutating func restore(state: [String: [Double]]) throws {
    if !state.isEmpty { throw TrainingError.foreignCheckpoint("it holds the state of another method") }
  }
}

/// Softmax cross-entropy of one block, its rows shared out among threads.
///
/// - Parameters:
///   - block: [rowCount, columns], overwritten by the gradient.
///   - targets: The target logit of every row.
///   - divisor: What the sum is divided by.
///   - threads: How many threads to use.
/// - Returns: The loss.
func softmaxCrossEntropy(_ block: BlockLogits, targets: [Int32], divisor: Float, threads: Int) -> Double {
  sumOverRows(block.rowCount, threads: threads) { rows in
    targets.withUnsafeBufferPointer { targets in
      guard let targets = targets.baseAddress else { return 0 }
      return softmaxCrossEntropy(
        logits: block.values, rows: rows, columns: block.columns, targets: targets, divisor: divisor)
    }
  }
}

/// Σ of what `body` gives for each thread's share of the rows, added in order.
func sumOverRows(_ rowCount: Int, threads: Int, _ body: (Range<Int>) -> Double) -> Double {
  withUnsafeTemporaryAllocation(of: Double.self, capacity: threads) { sums in
    guard let base = sums.baseAddress else { return 0 }
    inParallel(parts: threads) { part in
      (base + part).initialize(to: body(evenSlice(of: rowCount, part: part, of: threads)))
    }
    return sums.reduce(0, +)
  }
}
