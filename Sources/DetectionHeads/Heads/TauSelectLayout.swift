import DenseLinearAlgebra

/// A softmax classifier and its τ-normed self: background and the classes by ascending category id, then both once more
/// (τ-norm-select; Li et al., CVPR 2020, table 1; official `test_mixins.py`, `update_scores_with_reweight`).
///
/// A RoI takes the τ-normed scores where the τ-normed classifier finds a tail class most likely and the plain one
/// something other than background; else the plain scores.
public struct TauSelectLayout: LogitLayout, Equatable {
  /// C, the number of foreground classes.
  public let classCount: Int
  /// Whether a class is of the tail.
  public let isTail: [Bool]

  /// Makes a layout.
  ///
  /// - Parameter isTail: For every class, whether it is of the tail.
  public init(isTail: [Bool]) {
    classCount = isTail.count
    self.isTail = isTail
  }

  /// `tau-select`.
  public var name: String { "tau-select" }
  /// 2C + 2.
  public var logitCount: Int { 2 * classCount + 2 }
  /// A class's logit in the τ-normed classifier.
  public func logit(ofClass index: Int) -> Int { classCount + 2 + index }
  /// The first of each.
  public var backgroundLogits: [Int] { [0, classCount + 1] }
  /// 1 for a tail class, else 0.
  public var tensors: [String: [Float]] { ["is_tail": isTail.map { $0 ? 1 : 0 }] }

  /// The layout with the tail of a head file.
  public func with(tensors: [String: [Float]]) throws -> any LogitLayout {
    guard let values = tensors["is_tail"], values.count == classCount else {
      throw LinearHeadError(.badValue, "layout.is_tail must be \(classCount) numbers, one a class")
    }
    return TauSelectLayout(isTail: values.map { $0 != 0 })
  }

  /// The softmax of one of the two; background's is dropped.
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
