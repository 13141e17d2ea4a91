import LVISDatasets

/// Greedy non-maximum suppression by class, one box at a time in the order of descending scores.
///
/// A box is kept unless its IoU with a kept box of its class is above the threshold: torchvision's rules (`batched_nms`;
/// strictly above; two boxes without area do not suppress each other, since their IoU is not a number). Whoever calls
/// can stop as soon as enough boxes are kept: a box depends only on those before it.
struct GreedySuppression {
  private let threshold: Double
  private var kept: [CornerBox] = []
  /// For each kept box, the one kept before it in its class; −1 for none.
  private var previous: [Int32] = []
  /// For each class the last box kept; −1 for none.
  private var last: [Int32]

  /// - Parameters:
  ///   - classCount: Classes are 0..<classCount.
  ///   - threshold: The highest IoU at which both boxes stay.
  init(classCount: Int, threshold: Double) {
    self.threshold = threshold
    last = [Int32](repeating: -1, count: classCount)
  }

  /// Whether the next box is kept.
  mutating func keeps(_ box: CornerBox, class index: Int) -> Bool {
    // No overlap is more than the whole; rounding could make one so.
    if threshold >= 1 { return true }
    var other = last[index]
    while other >= 0 {
      if Double(kept[Int(other)].iou(box)) > threshold { return false }
      other = previous[Int(other)]
    }
    previous.append(last[index])
    last[index] = Int32(kept.count)
    kept.append(box)
    return true
  }
}

/// The boxes that survive greedy non-maximum suppression within their classes.
///
/// - Parameters:
///   - boxes: In any order.
///   - scores: One a box; of equal scores the box with the lower index goes first.
///   - classes: One a box, from 0.
///   - threshold: Boxes of a class whose IoU is strictly above it suppress each other.
/// - Returns: Indices into `boxes` by descending score.
/// - Complexity: O(n log n + n · kept boxes of a class).
public func nonMaximumSuppression(
  boxes: [CornerBox], scores: [Float], classes: [Int], threshold: Double = 0.5
) -> [Int] {
  precondition(boxes.count == scores.count && boxes.count == classes.count)
  var suppression = GreedySuppression(classCount: (classes.max() ?? -1) + 1, threshold: threshold)
  return boxes.indices.sorted { (scores[$1], $0) < (scores[$0], $1) }
    .filter { suppression.keeps(boxes[$0], class: classes[$0]) }
}
