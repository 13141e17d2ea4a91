/// A loss between predicted and target deltas of the foreground RoIs of a batch, which trains a box regressor.
public protocol BoxLoss: Sendable {
  /// Replaces predicted deltas by dLoss/dDeltas.
  ///
  /// - Parameters:
  ///   - deltas: The predictions for the foreground RoIs [count, 4]; overwritten.
  ///   - targets: The target deltas [count, 4].
  ///   - count: The number P of foreground RoIs.
  ///   - batchCount: The number N of all RoIs of the batch.
  /// - Returns: The loss.
  mutating func backward(
    _ deltas: UnsafeMutablePointer<Float>, targets: UnsafePointer<Float>, count: Int, batchCount: Int
  ) -> Double

  /// The loss of one RoI by itself, by which hard example mining ranks RoIs, from its four predicted and its four
  /// target deltas; a loss of its own where that of a batch is no sum over RoIs.
  func loss(deltas: UnsafePointer<Float>, targets: UnsafePointer<Float>) -> Float

  /// Whether the loss of a batch is the sum of those of its examples ÷ `batchCount`; `true` unless a loss says otherwise.
  var isSum: Bool { get }

  /// The numbers learnt from earlier batches, by name, for a checkpoint; empty for a loss without state.
  var state: [String: [Double]] { get }

  /// Takes back the numbers of a checkpoint, as `state` gave them.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if they are another loss's.
  mutating func restore(state: [String: [Double]]) throws
}

extension BoxLoss {
  /// A sum, as most are.
  public var isSum: Bool { true }
  /// No numbers, as of a loss that learns nothing from earlier batches.
  public var state: [String: [Double]] { [:] }

  /// Refuses the state of another loss, since this one has none.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` for a state that is not empty.
  public mutating func restore(state: [String: [Double]]) throws {
    if !state.isEmpty { throw TrainingError.foreignCheckpoint("it holds the state of another box loss") }
  }
}
