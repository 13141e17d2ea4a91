import DenseLinearAlgebra

/// Balanced group softmax (Li et al., CVPR 2020, §4.2 and §4.3; official `gs_bbox_head_with0.py`): the sum over groups
/// of a cross-entropy inside the group.
///
/// - G0 separates background from foreground; every RoI counts, mean over all.
/// - Group k ≥ 1 takes its positives and sampled `others` (see `sampledRows`), mean over the rows kept. A group without
///   a positive has loss 0 and gradient 0.
public struct BalancedGroupSoftmax: HeadObjective {
  /// G0, then per group `others` and its classes.
  public let groupedLayout: GroupedLayout
  /// β: `others` drawn for each positive of a group.
  public let othersRatio: Double

  /// The groups that the present batch has positives for; the blocks are G0 and these.
  private var activeGroups: [Int] = []

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - groups: The classes and their groups.
  ///   - background: How G0 is laid out.
  ///   - othersRatio: β, at least 0.
  public init(groups: CategoryGroups, background: GroupedLayout.Background = .sigmoid, othersRatio: Double = 8) {
    groupedLayout = GroupedLayout(groups: groups, background: background)
    self.othersRatio = othersRatio
  }

  /// G0, then per group `others` and its classes.
  public var layout: any LogitLayout { groupedLayout }

  /// `G0`, `G1`, …
  public var componentNames: [String] { (0...groupedLayout.slices.count).map { "G\($0)" } }

  /// G0 for all RoIs; for every group with a positive its logits for the rows kept.
  public mutating func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock] {
    let members = groupedLayout.groups.members
    let groupOfLabel = labels.map { $0 < 0 ? -1 : members[Int($0)].group }
    var blocks = [LogitBlock(logits: groupedLayout.backgroundSlice)]
    activeGroups.removeAll(keepingCapacity: true)
    for (group, slice) in groupedLayout.slices.enumerated() {
      let rows = sampledRows(
        isPositive: groupOfLabel.map { $0 == group }, othersRatio: othersRatio, using: &generator)
      if rows.isEmpty { continue }
      activeGroups.append(group)
      blocks.append(LogitBlock(logits: slice, rows: rows.count == labels.count ? nil : rows))
    }
    return blocks
  }

  /// The cross-entropies of G0 and of the groups with positives.
  public mutating func replaceLogitsByGradient(
    _ blocks: [BlockLogits], batchCount: Int, threads: Int
  ) -> [Double] {
    var losses = [Double](repeating: 0, count: groupedLayout.slices.count + 1)
    guard let first = blocks.first else { return losses }
    losses[0] = backgroundLoss(first, threads: threads)
    for (group, block) in zip(activeGroups, blocks.dropFirst()) {
      losses[group + 1] = softmaxCrossEntropy(
        block, targets: targets(of: block.labels, inGroup: group), divisor: Float(max(1, block.rowCount)),
        threads: threads)
    }
    return losses
  }

  /// The slot of every label in a group: its class's, or 0, `others`.
  func targets(of labels: [Int32], inGroup group: Int) -> [Int32] {
    labels.map { label in
      guard label >= 0, groupedLayout.groups.members[Int(label)].group == group else { return 0 }
      return Int32(groupedLayout.positions[Int(label)])
    }
  }

  private func backgroundLoss(_ block: BlockLogits, threads: Int) -> Double {
    let targets = block.labels.map { $0 < 0 ? Int32(0) : 1 }
    let divisor = Float(max(1, block.rowCount))
    switch groupedLayout.background {
    case .official:
      return softmaxCrossEntropy(block, targets: targets, divisor: divisor, threads: threads)
    case .sigmoid:
      return sumOverRows(block.rowCount, threads: threads) { rows in
        targets.withUnsafeBufferPointer { targets in
          guard let targets = targets.baseAddress else { return 0 }
          return binaryCrossEntropy(logits: block.values, rows: rows, targets: targets, divisor: divisor)
        }
      }
    }
  }
}
