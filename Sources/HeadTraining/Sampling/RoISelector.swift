import DenseLinearAlgebra
import FeatureSets

/// Chooses the RoIs of a batch that are trained on; the others are as good as not there, for the loss and for its
/// divisor.
public protocol RoISelector: Sendable {
  /// The inputs beside labels that it looks at.
  var needs: RoISelectionNeeds { get }

  /// Chooses RoIs.
  ///
  /// - Parameters:
  ///   - batch: The RoIs, with the inputs that `needs` asks for.
  ///   - generator: Gives what is drawn at random; it follows from the seed and the step.
  /// - Returns: The places of the chosen RoIs in the batch, ascending.
  func select(from batch: RoIBatch, using generator: inout SeededGenerator) -> [Int32]
}

/// The inputs beside labels that a selector looks at.
public struct RoISelectionNeeds: OptionSet, Sendable {
  /// The bits of the set.
  public let rawValue: Int
  /// Makes a set from its bits.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The proposals, in ``RoIBatch/boxes``.
  public static let boxes = RoISelectionNeeds(rawValue: 1)
  /// The classification loss of every RoI, in ``RoIBatch/classLosses``.
  public static let classLosses = RoISelectionNeeds(rawValue: 2)
  /// The box loss of every RoI, in ``RoIBatch/boxLosses``, where there are ground-truth boxes.
  public static let boxLosses = RoISelectionNeeds(rawValue: 4)
  /// The box loss of every RoI; training is refused where there is none.
  public static let boxLossesAlways = RoISelectionNeeds(rawValue: 12)
}

/// Some of the given indices, each as likely as the other, in their order (selection sampling: Knuth, TAOCP 3.4.2,
/// algorithm S); all where there are no more.
func drawn(_ count: Int, of indices: [Int32], using generator: inout some RandomNumberGenerator) -> [Int32] {
  if indices.count <= count { return indices }
  var missing = max(0, count)
  var kept: [Int32] = []
  kept.reserveCapacity(missing)
  for (seen, index) in indices.enumerated() where missing > 0 {
    if Int.random(in: 0..<indices.count - seen, using: &generator) < missing {
      kept.append(index)
      missing -= 1
    }
  }
  return kept
}

/// The indices with the largest losses, ascending; of equal losses the first indices.
///
/// - Complexity: O(n) on average: of whole maps of anchors a few hundred are kept.
func hardest(_ count: Int, of indices: [Int32], losses: [Float]) -> [Int32] {
  if indices.count <= count { return indices }
  var order = indices
  order.moveFirst(max(0, count)) { (losses[Int($1)], $0) < (losses[Int($0)], $1) }
  return order.prefix(max(0, count)).sorted()
}
