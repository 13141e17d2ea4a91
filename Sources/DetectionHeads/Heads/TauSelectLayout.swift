import DenseLinearAlgebra

/// A softmax classifier and its τ-normed self: background and the classes by ascending category id, then both once more
/// (τ-norm-select; Li et al., CVPR 2020, table 1; official `test_mixins.py`, `update_scores_with_reweight`).
///
/// A RoI takes the τ-normed scores where the τ-normed classifier finds a tail class most likely and the plain one
/// something other than background; else the plain scores.
public struct TauSelectLayout: LogitLayout, Equatable {
  /// C, the number of foreground classes.
  public let classCount: Int
  /// Whether each class is of the tail [C].
  public let isTail: [Bool]

  /// Makes a layout.
  ///
  /// - Parameter isTail: Whether each class is of the tail [C].
  public init(isTail: [Bool]) {
    classCount = isTail.count
    self.isTail = isTail
  }

  /// The name in head files, `tau-select`.
  public var name: String { "tau-select" }
  /// The number of logits, 2C + 2.
  public var logitCount: Int { 2 * classCount + 2 }
  /// The logit of a class in the τ-normed classifier.
  public func logit(ofClass index: Int) -> Int { classCount + 2 + index }
  /// The logits of background in the plain and in the τ-normed classifier, each its first.
  public var backgroundLogits: [Int] { [0, classCount + 1] }
  /// A number for each class, 1 for the tail, which head files keep as `layout.is_tail`.
  public var tensors: [String: [Float]] { ["is_tail": isTail.map { $0 ? 1 : 0 }] }

  /// The layout with the tail that a head file keeps.
  ///
  /// - Throws: `LinearHeadError` if there is not a number for each class.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout {
    guard let values = tensors["is_tail"], values.count == classCount else {
      throw LinearHeadError(.badValue, "layout.is_tail must be \(classCount) numbers, one a class")
    }
    return TauSelectLayout(isTail: values.map { $0 != 0 })
  }

  /// The softmax of one of the two classifiers; background's is dropped.
  public func scores(logits: UnsafeMutablePointer<Float>, count: Int, into scores: UnsafeMutablePointer<Float>) {
    for row in 0..<count {
      let plain = logits + row * logitCount
      let normed = plain + classCount + 1
      let likeliest = firstOfLargest(normed, count: classCount + 1)
      let isSelected =
        firstOfLargest(plain, count: classCount + 1) > 0 && likeliest > 0 && isTail[likeliest - 1]
      let chosen = isSelected ? normed : plain
      _ = Float.softmax(chosen, count: classCount + 1)
      (scores + row * classCount).update(from: chosen + 1, count: classCount)
    }
  }
}

/// The first index of the largest value.
private func firstOfLargest(_ values: UnsafePointer<Float>, count: Int) -> Int {
  var best = 0
  for index in 1..<max(1, count) where values[index] > values[best] { best = index }
  return best
}
