import DenseLinearAlgebra
import FeatureSets
import LVISDatasets

/// Online hard example mining (Shrivastava, Gupta and Girshick, CVPR 2016, §4; abhi2610/ohem `select_hard_examples`).
///
/// Every RoI's loss is the hardness: its classification loss, and for foreground its box loss where there is one. Within
/// each (image, label), background being a label too, RoIs that overlap a harder one are dropped (IoU > .7, sizes with
/// +1 as in the official code). Of those left the hardest are kept, over all images of the batch together: background
/// competes with foreground, there is no quota.
public struct OnlineHardExamples: RoISelector {
  /// RoIs kept for each image of the batch, on average.
  public let countPerImage: Int
  /// The IoU above which an easier RoI gives way; 1 for never.
  public let suppressionIoU: Float

  /// Makes a selector that keeps 64 RoIs an image and suppresses above an IoU of .7 unless something else is stated.
  public init(countPerImage: Int = 64, suppressionIoU: Float = 0.7) {
    self.countPerImage = countPerImage
    self.suppressionIoU = suppressionIoU
  }

  /// A classification loss, at most −log ε: the official code takes no probability for less than the ulp of 1 in double
  /// precision.
  package static func limited(_ classLoss: Float) -> Float { min(classLoss, 36.04365338911715) }

  /// The selector looks at proposals and classification losses, and at box losses where there are any.
  public var needs: RoISelectionNeeds { [.boxes, .classLosses, .boxLosses] }

  /// The places of the hardest RoIs, ascending.
  public func select(from batch: RoIBatch, using generator: inout SeededGenerator) -> [Int32] {
    let survivors = hardestFirst(of: batch, limit: countPerImage * batch.images.count)
    return survivors.sorted()
  }

  /// The RoIs that no harder one of their image and label overlaps, by descending loss; of equal losses the first index.
  ///
  /// - Complexity: O(N log N + N · RoIs kept of an image and label).
  func hardestFirst(of batch: RoIBatch, limit: Int = .max) -> [Int32] {
    var imageOfPlace = [Int32](repeating: 0, count: batch.labels.count)
    for (image, indices) in batch.images.enumerated() {
      for index in indices { imageOfPlace[index] = Int32(image) }
    }
    let classLosses = batch.classLosses.map { Self.limited($0) }
    let losses = batch.boxLosses.isEmpty ? classLosses : zip(classLosses, batch.boxLosses).map { $0 + $1 }
    let order = (0..<Int32(batch.labels.count)).sorted { (losses[Int($1)], $0) < (losses[Int($0)], $1) }
    var kept: [Int32] = []
    var keptBoxes: [Group: [CornerBox]] = [:]
    for index in order where kept.count < limit {
      let group = Group(image: imageOfPlace[Int(index)], label: batch.labels[Int(index)])
      let box = batch.boxes[Int(index)]
      if suppressionIoU < 1 && (keptBoxes[group] ?? []).contains(where: { overlap($0, box) > suppressionIoU }) {
        continue
      }
      if suppressionIoU < 1 { keptBoxes[group, default: []].append(box) }
      kept.append(index)
    }
    return kept
  }

  private struct Group: Hashable {
    let image: Int32
    let label: Int32
  }

  /// IoU as `py_cpu_nms` computes it: a box from 3 to 5 is 3 wide.
  private func overlap(_ a: CornerBox, _ b: CornerBox) -> Float {
    let width = max(0, min(a.x2, b.x2) - max(a.x1, b.x1) + 1)
    let height = max(0, min(a.y2, b.y2) - max(a.y1, b.y1) + 1)
    let intersection = width * height
    return intersection / (area(a) + area(b) - intersection)
  }

  private func area(_ box: CornerBox) -> Float { (box.x2 - box.x1 + 1) * (box.y2 - box.y1 + 1) }
}
