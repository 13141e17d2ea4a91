import DenseLinearAlgebra
import FeatureSets

/// Which RoIs of a batch get a gradient: the others are as good as not there, for the loss and for what it is divided by.
public protocol RoISelector: Sendable {
  /// What it looks at beside labels.
  var needs: RoISelectionNeeds { get }

  /// Chooses RoIs.
  ///
  /// - Parameters:
  ///   - batch: The RoIs, with what `needs` asks for.
  ///   - generator: For what is drawn at random; a function of seed and step.
  /// - Returns: Places in the batch, ascending.
  func select(from batch: RoIBatch, using generator: inout SeededGenerator) -> [Int32]
}

/// What a selector looks at beside labels.
public struct RoISelectionNeeds: OptionSet, Sendable {
  /// The bits.
  public let rawValue: Int
  /// Makes it from its bits.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Proposal boxes.
  public static let boxes = RoISelectionNeeds(rawValue: 1)
  /// The classification loss of every RoI.
  public static let classLosses = RoISelectionNeeds(rawValue: 2)
  /// The box loss of every RoI, where there are ground-truth boxes.
  public static let boxLosses = RoISelectionNeeds(rawValue: 4)
  /// It cannot do without box losses.
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
func hardest(_ count: Int, of indices: [Int32], losses: [Float]) -> [Int32] {
  if indices.count <= count { return indices }
  return indices.sorted { (losses[Int($1)], $0) < (losses[Int($0)], $1) }.prefix(max(0, count)).sorted()
}
