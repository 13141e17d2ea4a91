import DenseLinearAlgebra

/// The baseline: softmax cross-entropy over C + 1 logits, background first, mean over all RoIs (detectron2
/// `fast_rcnn.py`; mmdetection's `avg_factor` is the same where every RoI has weight 1).
public struct SoftmaxObjective: HeadObjective {
  /// Background, then the classes.
  public let layout: any LogitLayout
  /// One part.
  public let componentNames = ["softmax"]

  /// Makes the objective for C foreground classes.
  public init(classCount: Int) { layout = SoftmaxLayout(classCount: classCount) }

  /// All logits for all RoIs.
  public func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock] {
    [LogitBlock(logits: 0..<layout.logitCount)]
  }

  /// CE, mean over RoIs.
  public func replaceLogitsByGradient(_ blocks: [BlockLogits], batchCount: Int, threads: Int) -> [Double] {
    blocks.map { block in
      softmaxCrossEntropy(
        block, targets: block.labels.map { $0 + 1 }, divisor: Float(max(1, batchCount)), threads: threads)
    }
  }
}
