import DenseLinearAlgebra
import DetectionHeads

/// Focal loss of rows of logits against one-hot targets (Lin et al., ICCV 2017, eq. 5; mmdetection
/// `py_sigmoid_focal_loss`), Σ_rows Σ_j α_t (1 − p_t)^γ (−log p_t) / divisor, replaced in place by its gradient.
///
/// With p = σ(z), u = −log(1 − p) = log(1 + e^z): a negative has the loss (1 − α) p^γ u and the derivative
/// (1 − α) p^γ (γ (1 − p) u + p); a positive is a negative of −z with α.
///
/// - Parameters:
///   - logits: [rows.upperBound or more, columns]; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - columns: The number of logits a row.
///   - targets: The column whose target is 1, or −1 for none.
///   - alpha: α, the weight of positives.
///   - gamma: γ.
///   - divisor: What the sum is divided by: the foreground RoIs, at least 1.
/// - Returns: The part of the loss that comes from `rows`.
public func focalLoss<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>,
  alpha: Scalar, gamma: Scalar, divisor: Scalar
) -> Double {
  var negatives = 0.0
  var positives = 0.0
  for row in rows {
    let z = logits + row * columns
    let target = Int(targets[row])
    var atTarget: Scalar = 0
    if target >= 0 {
      atTarget = -z[target]
      // So low that it has no loss and no gradient as a negative.
      z[target] = -1000
    }
    negatives += Double(Scalar.focalLoss(z, gamma: gamma, scale: (1 - alpha) / divisor, count: columns))
    if target >= 0 {
      positives += Double(Scalar.focalLoss(&atTarget, gamma: gamma, scale: -alpha / divisor, count: 1))
      z[target] = atTarget
    }
  }
  return (Double(1 - alpha) * negatives + Double(alpha) * positives) / Double(divisor)
}

/// Focal loss over C classes, divided by the foreground RoIs; biases start from a prior.
public struct FocalObjective: WholeBatchObjective, HeadInitializingObjective {
  /// A sigmoid for each class.
  public let layout: any LogitLayout
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["focal"]
  private let alpha: Float
  private let gamma: Float
  private let prior: Double

  /// Makes the objective for C foreground classes.
  public init(classCount: Int, alpha: Double = 0.25, gamma: Double = 2, prior: Double = 0.01) {
    layout = SigmoidLayout(classCount: classCount)
    self.alpha = Float(alpha)
    self.gamma = Float(gamma)
    self.prior = prior
  }

  /// Biases that give every class the prior.
  public func initialize(_ head: inout LinearHead) { head.setBiases(toPrior: prior) }

  /// Focal loss over all classes of all RoIs.
  public func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let divisor = Float(max(1, logits.foregroundCount))
    return [
      sumOverRows(logits.rowCount, threads: threads) { rows in
        focalLoss(
          logits: logits.values, rows: rows, columns: logits.columns, targets: logits.labels, alpha: alpha,
          gamma: gamma, divisor: divisor)
      }
    ]
  }
}

extension FocalObjective: SummedObjective {
  /// The foreground examples, at least 1.
  public func divisor(labels: [Int32]) -> Double { Double(max(1, labels.count { $0 >= 0 })) }
}

extension FocalObjective: ExampleLossObjective {
  /// Focal loss over all classes.
  public func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float {
    var target = label
    return Float(
      focalLoss(
        logits: logits, rows: 0..<1, columns: layout.logitCount, targets: &target, alpha: alpha, gamma: gamma,
        divisor: 1))
  }
}

extension TrainingMethod {
  /// The method `focal`, focal loss (Lin et al., ICCV 2017).
  public static let focal = TrainingMethod(
    name: "focal", summary: "a sigmoid per class; what is classified well already counts little",
    source: "Lin et al., ICCV 2017",
    parameters: [
      .number("gamma", default: 2, in: 0...20, "γ: how little well-classified RoIs count; 0 is balanced-bce"),
      .number("alpha", default: 0.25, in: 0...1, "α: the weight of positives"), .prior(0.01),
    ],
    objective: { data, parameters in
      FocalObjective(
        classCount: data.groups.classCount, alpha: parameters.number("alpha"), gamma: parameters.number("gamma"),
        prior: parameters.number("prior"))
    })
}
