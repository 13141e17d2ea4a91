import DenseLinearAlgebra
import DetectionHeads
import LVISDatasets

/// Balanced group softmax (Li et al., CVPR 2020, §4.2 and §4.3; official `gs_bbox_head_with0.py`): the sum over groups
/// of a cross-entropy inside the group.
///
/// - G0 separates background from foreground; every RoI counts, mean over all.
/// - Group k ≥ 1 takes its positives and sampled `others` (see `sampledRows`), mean over the rows kept. A group without
///   a positive has loss 0 and gradient 0.
///
/// The ablations (§5.3): without G0 its part is missing, and background is among the `others` of every group; without
/// `others` a group takes its positives alone.
public struct BalancedGroupSoftmaxLoss: HeadObjective {
  /// G0, then per group `others` and its classes.
  public let groupedLayout: GroupedLayout
  /// The number β of `others` that are drawn for each positive of a group.
  public let othersRatio: Double

  /// The groups that the present batch has positives for; the blocks are G0 and these.
  private var activeGroups: [Int] = []

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - groups: The classes and their groups.
  ///   - background: How G0 is laid out.
  ///   - othersRatio: β, at least 0; without `others` it has no effect.
  ///   - hasOthers: Whether groups have `others`.
  public init(
    groups: CategoryGroups, background: GroupedLayout.Background = .sigmoid, othersRatio: Double = 8,
    hasOthers: Bool = true
  ) {
    groupedLayout = GroupedLayout(groups: groups, background: background, hasOthers: hasOthers)
    self.othersRatio = hasOthers ? othersRatio : 0
  }

  /// G0, then per group `others` and its classes.
  public var layout: any LogitLayout { groupedLayout }

  /// The names of the parts in lines of metrics: `G0`, `G1`, …; G0 only where there is one.
  public var componentNames: [String] {
    (hasBackground ? ["G0"] : []) + groupedLayout.slices.indices.map { "G\($0 + 1)" }
  }

  private var hasBackground: Bool { groupedLayout.background != .none }

  /// G0 for all RoIs; for every group with a positive its logits for the rows kept.
  public mutating func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock] {
    let members = groupedLayout.groups.members
    let groupOfLabel = labels.map { $0 < 0 ? -1 : members[Int($0)].group }
    var blocks = hasBackground ? [LogitBlock(logits: groupedLayout.backgroundSlice)] : []
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
  public mutating func backward(
    _ blocks: [BlockLogits], batchCount: Int, threads: Int
  ) -> [Double] {
    let backgroundCount = hasBackground ? 1 : 0
    var losses = [Double](repeating: 0, count: backgroundCount + groupedLayout.slices.count)
    if hasBackground, let first = blocks.first { losses[0] = backgroundLoss(first, threads: threads) }
    for (group, block) in zip(activeGroups, blocks.dropFirst(backgroundCount)) {
      losses[backgroundCount + group] = softmaxCrossEntropy(
        block, targets: targets(of: block.labels, inGroup: group), divisor: Float(max(1, block.rowCount)),
        threads: threads)
    }
    return losses
  }

  /// The slot of every label in a group: its class's, or 0, `others`. Without `others` only positives are asked for.
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
    case .none:
      return 0
    case .sigmoid:
      return sumOverRows(block.rowCount, threads: threads) { rows in
        binaryCrossEntropy(logits: block.values, rows: rows, targets: targets, divisor: divisor)
      }
    }
  }
}

extension BalancedGroupSoftmaxLoss: ExampleLossObjective {
  /// −log of the score that inference gives to the label: the cross-entropy of G0 and, for foreground, of the class's own
  /// group. Without G0, background is `others` in every group.
  public func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float {
    var loss = 0.0
    var isForeground: Int32 = label < 0 ? 0 : 1
    switch groupedLayout.background {
    case .sigmoid: loss += binaryCrossEntropy(logits: logits, rows: 0..<1, targets: &isForeground, divisor: 1)
    case .official:
      loss += softmaxCrossEntropy(logits: logits, rows: 0..<1, columns: 2, targets: &isForeground, divisor: 1)
    case .none: break
    }
    for (group, slice) in groupedLayout.slices.enumerated() {
      var target: Int32 = 0
      if label >= 0 {
        guard groupedLayout.groups.members[Int(label)].group == group else { continue }
        target = Int32(groupedLayout.positions[Int(label)])
      } else if groupedLayout.background != .none {
        continue
      }
      loss += softmaxCrossEntropy(
        logits: logits + slice.lowerBound, rows: 0..<1, columns: slice.count, targets: &target, divisor: 1)
    }
    return Float(loss)
  }
}

extension TrainingMethod {
  /// The method `bags`, balanced group softmax (Li et al., CVPR 2020).
  public static let bags = TrainingMethod(
    name: "bags", summary: "balanced group softmax: a softmax per group of classes of like frequency",
    source: "Li et al., CVPR 2020",
    parameters: [
      .number("others-ratio", default: 8, in: 0...1e9, "β: `others` drawn for each positive of a group"),
      .choice(
        "g0", default: GroupedLayout.Background.sigmoid.rawValue, of: GroupedLayout.Background.allCases.map(\.rawValue),
        "one foreground logit, the official pair [background, foreground], or none (an ablation)"),
      .choice("others", default: "yes", of: ["yes", "no"], "whether groups have `others`; no is an ablation"),
    ],
    conflict: { parameters in
      parameters.choice("g0") == "none" && parameters.choice("others") == "no"
        ? "g0=none and others=no together would leave nothing to tell background from foreground" : nil
    },
    objective: { data, parameters in
      BalancedGroupSoftmaxLoss(
        groups: data.groups, background: GroupedLayout.Background(rawValue: parameters.choice("g0")) ?? .sigmoid,
        othersRatio: parameters.number("others-ratio"), hasOthers: parameters.choice("others") == "yes")
    })
}
