import DenseLinearAlgebra
import DetectionHeads

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

/// What training minimises: which logits it needs for a batch, and their loss and gradient.
///
/// A new method is one type that conforms; the products with the weight, the optimiser and the schedule are the
/// trainer's. A method with state keeps it in `self`.
public protocol HeadObjective: Sendable {
  /// What the logits speak of.
  var layout: any LogitLayout { get }

  /// The names of the parts that the loss is the sum of, such as `G0`…`G4`.
  var componentNames: [String] { get }

  /// The rows of the weight that are trained; the others stay as they are, without weight decay. All, unless an
  /// objective says less.
  var trainedLogits: Range<Int> { get }

  /// Parameters beside weight and bias, trained with them; `nil`, unless an objective has some.
  var ownParameters: OwnParameters? { get set }

  /// Sets what a fresh head starts from where weights of N(0, .01) and biases of 0 are not it. Does nothing, unless an
  /// objective says more.
  func initialize(_ head: inout LinearHead)

  /// Why a RoI has no loss of its own, which hard example mining ranks by; not asked of a `RoILossObjective`.
  var reasonAgainstRoILosses: String { get }

  /// Called before the blocks of every batch are asked for. Does nothing, unless an objective says more.
  ///
  /// - Throws: What the source of the RoIs throws.
  mutating func startBatch(_ batch: BatchContext) throws

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
  /// All.
  public var trainedLogits: Range<Int> { 0..<layout.logitCount }

  /// None.
  public var ownParameters: OwnParameters? {
    get { nil }
    set {}
  }

  /// It looks at earlier batches.
  public var reasonAgainstRoILosses: String { "weighs a RoI by what earlier batches held" }

  /// Leaves it as it is.
  public func initialize(_ head: inout LinearHead) {}

  /// Nothing to note.
  public mutating func startBatch(_ batch: BatchContext) throws {}

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

/// Σ of what `body` gives for each thread's share of the rows, added in order: the same for the same number of threads.
///
/// - Parameters:
///   - rowCount: The rows to share out.
///   - threads: How many threads to use.
///   - body: Gives the sum over some rows; called on several threads at once.
public func sumOverRows(_ rowCount: Int, threads: Int, _ body: (Range<Int>) -> Double) -> Double {
  sumOverParts(rowCount, threads: threads) { _, rows in body(rows) }
}

/// The same, told which part of the threads it is.
package func sumOverParts(_ rowCount: Int, threads: Int, _ body: (Int, Range<Int>) -> Double) -> Double {
  withUnsafeTemporaryAllocation(of: Double.self, capacity: threads) { sums in
    guard let base = sums.baseAddress else { return 0 }
    inParallel(parts: threads) { part in
      (base + part).initialize(to: body(part, evenSlice(of: rowCount, part: part, of: threads)))
    }
    return sums.reduce(0, +)
  }
}
