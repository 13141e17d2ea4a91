import DenseLinearAlgebra
import DetectionHeads

/// A loss over anchors with a divisor of choice in place of its own.
public struct NormalizedObjective<Base: SummedObjective>: StatefulObjective, BatchPreparingObjective {
  private var base: Base
  private let normalizer: AnchorNormalizer
  /// The running mean of the positives.
  private var runningMean = 100.0
  private var images: [Range<Int>] = []

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - base: The loss.
  ///   - normalizer: What its sum is divided by.
  public init(_ base: Base, by normalizer: AnchorNormalizer) {
    self.base = base
    self.normalizer = normalizer
  }

  /// The layout of the logits, that of the loss.
  public var layout: any LogitLayout { base.layout }
  /// The names of the parts of the loss, which the divisor leaves as they are.
  public var componentNames: [String] { base.componentNames }

  /// Notes the images of the batch.
  ///
  /// - Throws: What the source throws.
  public mutating func prepare(for batch: BatchContext) throws {
    images = batch.rois.images
    try base.prepareIfNeeded(for: batch)
  }

  /// The blocks of logits that the loss asks for, which the divisor leaves as they are.
  public mutating func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock] {
    base.blocks(labels: labels, using: &generator)
  }

  /// The loss and its gradient, divided anew.
  public mutating func backward(_ blocks: [BlockLogits], batchCount: Int, threads: Int) -> [Double] {
    guard let all = blocks.first else { return componentNames.map { _ in 0 } }
    guard normalizer == .perImage else {
      let divisor = divisor(of: all.labels)
      return backward(all, factor: base.divisor(labels: all.labels) / divisor, threads: threads)
    }
    var losses = componentNames.map { _ in 0.0 }
    for image in images {
      let part = BlockLogits(
        values: all.values + image.lowerBound * all.columns, rowCount: image.count, columns: all.columns,
        labels: Array(all.labels[image]))
      let own = Double(max(1, part.foregroundCount) * max(1, images.count))
      let ofImage = backward(part, factor: base.divisor(labels: part.labels) / own, threads: threads)
      for index in losses.indices { losses[index] += ofImage[index] }
    }
    return losses
  }

  private mutating func divisor(of labels: [Int32]) -> Double {
    let positives = Double(labels.count { $0 >= 0 })
    switch normalizer {
    case .positives, .perImage: return max(1, positives)
    case .anchors: return Double(max(1, labels.count))
    case .imagePositives:
      return max(1, images.reduce(0) { sum, image in sum + Double(max(1, labels[image].count { $0 >= 0 })) })
    case .running:
      runningMean = 0.9 * runningMean + 0.1 * max(1, positives)
      return runningMean
    }
  }

  private mutating func backward(_ logits: BlockLogits, factor: Double, threads: Int) -> [Double] {
    let losses = base.backward(logits, threads: threads)
    if factor == 1 { return losses }
    let scale = Float(factor)
    let values = logits.values
    inParallel(parts: threads) { part in
      for index in evenSlice(of: logits.rowCount * logits.columns, part: part, of: threads) { values[index] *= scale }
    }
    return losses.map { $0 * factor }
  }

  /// The running mean and what the loss itself remembers.
  public var state: [String: [Double]] {
    base.savedState.merging(normalizer == .running ? [Self.stateName: [runningMean]] : [:]) { own, _ in own }
  }

  /// Takes back what `state` gave.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if it is another method's.
  public mutating func restore(state: [String: [Double]]) throws {
    if normalizer == .running { runningMean = try state.values(Self.stateName, count: 1)[0] }
    try base.restore(savedState: state.filter { $0.key != Self.stateName })
  }

  private static var stateName: String { "positives" }
}

extension NormalizedObjective: ExampleLossObjective where Base: ExampleLossObjective {
  /// The loss of one example before it is divided, by which examples are ranked.
  public func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float {
    base.exampleLoss(logits, label: label)
  }
}

extension SummedObjective {
  /// The loss with a divisor of choice in place of its own.
  package func normalized(by normalizer: AnchorNormalizer) -> any HeadObjective {
    NormalizedObjective(self, by: normalizer)
  }
}
