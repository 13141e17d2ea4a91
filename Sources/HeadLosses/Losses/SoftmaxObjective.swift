import DenseLinearAlgebra
import DetectionHeads

/// Softmax cross-entropy over C + 1 logits, background first, mean over all RoIs (detectron2 `fast_rcnn.py`;
/// mmdetection's `avg_factor` is the same where every RoI has weight 1).
///
/// Plain it is the baseline; with weights it is re-weighting, with an adjustment of the logits balanced softmax and
/// logit adjustment. Scores are the plain softmax whatever training added.
public struct SoftmaxObjective: WholeBatchObjective {
  /// One softmax over background and the classes, background first.
  public let layout: any LogitLayout
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["softmax"]
  /// The adjustment that training adds to the logits, background first [C + 1]; `nil` for none.
  public let adjustment: [Float]?
  /// The weight of a RoI by its label, background first [C + 1]; `nil` for 1.
  public let weights: [Float]?

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - classCount: C.
  ///   - adjustment: Added to the logits while training [C + 1], background first.
  ///   - weights: The weight of a RoI by its label [C + 1], background first.
  public init(classCount: Int, adjustment: [Double]? = nil, weights: [Double]? = nil) {
    layout = SoftmaxLayout(classCount: classCount)
    self.adjustment = adjustment.map { $0.map { Float($0) } }
    self.weights = weights.map { $0.map { Float($0) } }
  }

  /// Replaces the logits by the gradient and returns the cross-entropy, the mean over RoIs.
  public func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let targets = logits.labels.map { $0 + 1 }
    return [
      softmaxCrossEntropy(
        logits, targets: targets, adjustment: adjustment, weights: weights, divisor: Float(max(1, logits.rowCount)),
        threads: threads)
    ]
  }
}

extension SoftmaxObjective: ExampleLossObjective {
  /// The weighted cross-entropy of one RoI.
  public func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float {
    var target = label + 1
    return Float(
      softmaxCrossEntropy(
        logits: logits, rows: 0..<1, columns: layout.logitCount, targets: &target, adjustment: adjustment,
        weights: weights, divisor: 1))
  }
}

extension TrainingMethod {
  /// The method `softmax`, the baseline that the others are compared with.
  public static let softmax = TrainingMethod(
    name: "softmax", summary: "one softmax over background and all classes, the baseline",
    source: "detectron2, fast_rcnn.py", parameters: [], takesClassWeights: true,
    objective: { data, _ in SoftmaxObjective(classCount: data.groups.classCount, weights: data.classWeights) })
}
