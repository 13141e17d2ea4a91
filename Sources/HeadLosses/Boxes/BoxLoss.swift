/// What a box regressor minimises: a loss between predicted and target deltas of the foreground RoIs of a batch.
public protocol BoxLoss: Sendable {
  /// Replaces predicted deltas by dLoss/dDeltas.
  ///
  /// - Parameters:
  ///   - deltas: The predictions for the foreground RoIs, [count, 4]; overwritten.
  ///   - targets: What they should be, [count, 4].
  ///   - count: P, the foreground RoIs.
  ///   - batchCount: N, all RoIs of the batch.
  /// - Returns: The loss.
  mutating func backward(
    _ deltas: UnsafeMutablePointer<Float>, targets: UnsafePointer<Float>, count: Int, batchCount: Int
  ) -> Double

  /// The loss of one RoI by itself, which hard example mining ranks by; of its own making where the loss of a batch is
  /// no sum over RoIs.
  func loss(deltas: UnsafePointer<Float>, targets: UnsafePointer<Float>) -> Float

  /// What it has learnt from earlier batches, by name, for a checkpoint; empty for a loss without state.
  var state: [String: [Double]] { get }

  /// Takes back what `state` gave.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if it is another loss's.
  mutating func restore(state: [String: [Double]]) throws
}

extension BoxLoss {
  /// None.
  public var state: [String: [Double]] { [:] }

  /// Nothing to take back.
  public mutating func restore(state: [String: [Double]]) throws {
    if !state.isEmpty { throw TrainingError.foreignCheckpoint("it holds the state of another box loss") }
  }
}
