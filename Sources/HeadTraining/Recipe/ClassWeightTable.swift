import HeadLosses
import LVISDatasets

/// A user's own class weights, by category id; classes that are not listed have the weight 1.
///
/// Softmax losses multiply the loss of an example by the weight of its class or of background, as mmdetection's
/// `CrossEntropyLoss(class_weight=…)` does. Sigmoid losses multiply what an example of a class adds in its own class by
/// that class's weight, as mmdetection's with `use_sigmoid=True` (torch's `pos_weight`), and all that a background
/// example adds by background's. Means stay those over all examples, not over weights.
public struct ClassWeightTable: Sendable, Codable, Equatable {
  /// The weight of background examples.
  public var background: Double
  /// The weights of classes, by category id.
  public var byCategory: [Int: Double]

  /// Makes a table.
  ///
  /// - Parameters:
  ///   - background: The weight of background examples.
  ///   - byCategory: The weights of classes, by category id.
  public init(background: Double = 1, byCategory: [Int: Double]) {
    self.background = background
    self.byCategory = byCategory
  }

  /// What no loss can be multiplied by, in one line; `nil` for a table that can be trained with.
  public var fault: String? {
    let weights = byCategory.sorted { $0.key < $1.key }.map { ("category \($0.key)", $0.value) }
    return (weights + [("background", background)]).first { !Self.range.contains($0.1) }.map {
      "the class weight of \($0) must be from 0 to 1e6, not \($1)"
    }
  }

  /// What a weight may be.
  static let range = 0.0...1e6

  /// The weights in the order of labels: background, then the classes by ascending id, [C + 1].
  func weights(of groups: CategoryGroups) -> [Double] {
    [background] + groups.members.map { byCategory[$0.id] ?? 1 }
  }
}
