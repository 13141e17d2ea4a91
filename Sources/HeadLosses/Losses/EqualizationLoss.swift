import DenseLinearAlgebra
import DetectionHeads

/// Equalization loss (Tan et al., CVPR 2020, eq. 3 to 5; eql.detectron2 `fast_rcnn.py`): binary cross-entropy in which a
/// foreground RoI gives tail classes other than its own no negative gradient, Σ_rows Σ_j w_j BCE / divisor with
/// w_j = 1 − E(RoI is foreground) · [j is tail] · (1 − t_j). Background RoIs count in full.
///
/// - Parameters:
///   - logits: [rows.upperBound or more, C]; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - columns: C.
///   - targets: The class of every row, or −1 for background.
///   - foregroundWeights: 0 for tail classes, 1 for others [C].
///   - backgroundWeights: 1 for all [C].
///   - divisor: What the sum is divided by: all RoIs.
/// - Returns: The part of the loss that comes from `rows`.
public func equalizationLoss<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>,
  foregroundWeights: UnsafePointer<Scalar>, backgroundWeights: UnsafePointer<Scalar>, divisor: Scalar
) -> Double {
  var loss = 0.0
  for row in rows {
    loss += binaryCrossEntropyRow(
      logits + row * columns, columns: columns, target: targets[row],
      negativeWeights: targets[row] >= 0 ? foregroundWeights : backgroundWeights, positiveWeight: 1,
      scale: 1 / divisor)
  }
  return loss / Double(divisor)
}

/// Whether classes are tail: f_c = m_c / M strictly below λ. A class in no image counts as in one.
///
/// - Parameters:
///   - imageCounts: m_c.
///   - imageCount: M.
///   - threshold: λ.
/// - Returns: [C].
public func tailClasses(imageCounts: [Int], imageCount: Int, threshold: Double) -> [Bool] {
  imageCounts.map { Double(max(1, $0)) / Double(max(1, imageCount)) < threshold }
}

/// Equalization loss over C classes, divided by all RoIs.
public struct EqualizationObjective: WholeBatchObjective, HeadInitializingObjective {
  /// A sigmoid for each class.
  public let layout: any LogitLayout
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["equalization"]
  private let foregroundWeights: [Float]
  private let backgroundWeights: [Float]
  private let prior: Double

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - isTail: Whether each class is tail.
  ///   - prior: The score that every class starts from.
  public init(isTail: [Bool], prior: Double = 0.5) {
    layout = SigmoidLayout(classCount: isTail.count)
    foregroundWeights = isTail.map { $0 ? 0 : 1 }
    backgroundWeights = isTail.map { _ in 1 }
    self.prior = prior
  }

  /// Biases that give every class the prior.
  public func initialize(_ head: inout LinearHead) { head.setBiases(toPrior: prior) }

  /// Replaces the logits by the gradient and returns the equalization loss.
  public func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let divisor = Float(max(1, logits.rowCount))
    return [
      sumOverRows(logits.rowCount, threads: threads) { rows in
        equalizationLoss(
          logits: logits.values, rows: rows, columns: logits.columns, targets: logits.labels,
          foregroundWeights: foregroundWeights, backgroundWeights: backgroundWeights, divisor: divisor)
      }
    ]
  }
}

extension EqualizationObjective: ExampleLossObjective {
  /// The equalization loss over all classes.
  public func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float {
    var target = label
    return Float(
      equalizationLoss(
        logits: logits, rows: 0..<1, columns: layout.logitCount, targets: &target,
        foregroundWeights: foregroundWeights, backgroundWeights: backgroundWeights, divisor: 1))
  }
}

extension TrainingMethod {
  /// The method `eql`, equalization loss (Tan et al., CVPR 2020).
  public static let equalization = TrainingMethod(
    name: "eql", summary: "a sigmoid per class; foreground of other classes leaves tail classes alone",
    source: "Tan et al., CVPR 2020",
    parameters: [
      .number(
        "tail-frequency", default: 1.77e-3, in: 0...1,
        "λ: classes in a smaller share of the images are tail; 1.77e-3 for LVIS v0.5, 1.1e-3 for v1"), .prior(0.5),
    ],
    objective: { data, parameters in
      EqualizationObjective(
        isTail: tailClasses(
          imageCounts: data.groups.members.map(\.imageCount), imageCount: data.imageCount,
          threshold: parameters.number("tail-frequency")),
        prior: parameters.number("prior"))
    })
}
