import DenseLinearAlgebra
import DetectionHeads

/// A loss on the logits of a head: it says which logits a batch needs, and replaces them by their gradient.
///
/// A new method is one type that conforms; the products with the weight, the optimiser and the schedule belong to the
/// trainer. Capabilities that only some losses have stand in protocols of their own: ``StatefulObjective``,
/// ``BatchPreparingObjective``, ``ParameterizedObjective``, ``HeadInitializingObjective``,
/// ``FeatureAddingObjective`` and ``ExampleLossObjective``.
public protocol HeadObjective: Sendable {
  /// The layout that maps the logits of the loss to classes.
  var layout: any LogitLayout { get }

  /// The names of the parts that the loss is the sum of, such as `G0`…`G4`.
  var componentNames: [String] { get }

  /// Chooses the blocks of logits that a batch needs.
  ///
  /// - Parameters:
  ///   - labels: The class index of every example, or −1 for background.
  ///   - generator: For what is drawn at random.
  mutating func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock]

  /// Replaces the logits of every block by dLoss/dLogits.
  ///
  /// - Parameters:
  ///   - blocks: The logits of the blocks asked for, in that order.
  ///   - batchCount: N, the number of examples in the batch.
  ///   - threads: How many threads it may use.
  /// - Returns: The parts of the loss, in the order of `componentNames`.
  mutating func backward(_ blocks: [BlockLogits], batchCount: Int, threads: Int) -> [Double]
}

/// A loss that remembers something of earlier batches, which a checkpoint must hold.
public protocol StatefulObjective: HeadObjective {
  /// The values learnt from earlier batches, by name.
  var state: [String: [Double]] { get }

  /// Takes back what `state` gave.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if it is another method's.
  mutating func restore(state: [String: [Double]]) throws
}

/// A loss that looks at the batch itself, its epoch or its ground truth, before its blocks are asked for.
public protocol BatchPreparingObjective: HeadObjective {
  /// Looks at the batch that comes next.
  ///
  /// - Throws: What the source of the examples throws.
  mutating func prepare(for batch: BatchContext) throws
}

/// A loss that sets what a fresh head starts from, where weights of N(0, .01) and biases of 0 are not it.
public protocol HeadInitializingObjective: HeadObjective {
  /// Sets the starting values of a fresh head, such as the biases that a prior asks for.
  func initialize(_ head: inout LinearHead)
}

/// A loss with parameters of its own beside the layers, or one that trains only some rows of the classifier.
public protocol ParameterizedObjective: HeadObjective {
  /// The parameters beside weight and bias; `backward` leaves their gradients in them.
  var parameters: [Parameter] { get set }

  /// The rows of the classifier that are trained; the others stay as they are, without weight decay.
  var trainedLogits: Range<Int> { get }
}

extension HeadObjective {
  /// The rows of the classifier that are trained: all of them, unless the objective is a ``ParameterizedObjective``.
  package var trainedRows: Range<Int> {
    (self as? any ParameterizedObjective)?.trainedLogits ?? 0..<layout.logitCount
  }

  /// Whether layers below the classifier and several stages can be trained with it: its logits are linear in the
  /// features, it trains all of them, its scores need nothing beside them, and it has no parameters of its own and makes
  /// no features.
  package var trainsDeepHeads: Bool {
    trainsNormedHeads && layout.tensors.isEmpty && !(self is any FeatureAddingObjective)
  }

  /// Whether it trains dense heads: what trains deep heads, and what leaves all rows as they are and trains numbers that all
  /// anchors share.
  package var trainsDenseHeads: Bool {
    trainsDeepHeads || (layout.product == .linear && trainedRows.isEmpty && self is any WholeBatchObjective)
  }

  /// Whether its logits can come from a normed linear layer: they are linear in the features otherwise, it trains all of
  /// them, and it has no parameters of its own.
  package var trainsNormedHeads: Bool { layout.product == .linear && !(self is any ParameterizedObjective) }

  /// The state for a checkpoint; empty for a loss without.
  package var savedState: [String: [Double]] { (self as? any StatefulObjective)?.state ?? [:] }

  /// Takes back what `savedState` gave.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if it is another method's.
  package mutating func restore(savedState: [String: [Double]]) throws {
    if var stateful = self as? any StatefulObjective {
      try stateful.restore(state: savedState)
      if let restored = stateful as? Self { self = restored }
    } else if !savedState.isEmpty {
      throw TrainingError.foreignCheckpoint("it holds the state of another method")
    }
  }

  /// Lets a ``BatchPreparingObjective`` look at the batch that comes next.
  package mutating func prepareIfNeeded(for batch: BatchContext) throws {
    guard var preparing = self as? any BatchPreparingObjective else { return }
    try preparing.prepare(for: batch)
    if let prepared = preparing as? Self { self = prepared }
  }
}
