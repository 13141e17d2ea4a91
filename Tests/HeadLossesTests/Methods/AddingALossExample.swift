import DenseLinearAlgebra
import DetectionHeads
import HeadLosses

/// Poly-1 cross-entropy (Leng et al., ICLR 2022, eq. 6), Σ_rows (−log p + ε (1 − p)) / divisor with p the softmax at the
/// target, replaced in place by its gradient (1 + ε p) (softmax(z) − onehot(target)) / divisor.
///
/// - Parameters:
///   - logits: [rows.upperBound or more, columns]; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - columns: The number of logits a row.
///   - targets: The target logit of every row.
///   - epsilon: ε.
///   - divisor: What the sum is divided by.
/// - Returns: The part of the loss that comes from `rows`.
public func polyCrossEntropy<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>,
  epsilon: Scalar, divisor: Scalar
) -> Double {
  var loss = 0.0
  for row in rows {
    let z = logits + row * columns
    let target = Int(targets[row])
    let atTarget = z[target]
    let logSum = Scalar.softmax(z, count: columns)
    let p = z[target]
    loss += Double(logSum - atTarget + epsilon * (1 - p))
    z[target] -= 1
    let scale = (1 + epsilon * p) / divisor
    for column in 0..<columns { z[column] *= scale }
  }
  return loss / Double(divisor)
}

/// Poly-1 cross-entropy over C + 1 logits, background first, mean over all RoIs.
public struct PolyObjective: WholeBatchObjective {
  /// Background, then the classes by ascending category id.
  public let layout: any LogitLayout
  /// The name of its only part in lines of metrics.
  public let componentNames = ["poly"]
  private let epsilon: Float

  /// Makes the objective for C foreground classes.
  public init(classCount: Int, epsilon: Double) {
    layout = SoftmaxLayout(classCount: classCount)
    self.epsilon = Float(epsilon)
  }

  /// Replaces the logits of all RoIs by the gradient and returns the mean loss.
  public func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let targets = logits.labels.map { $0 + 1 }
    return [
      sumOverRows(logits.rowCount, threads: threads) { rows in
        polyCrossEntropy(
          logits: logits.values, rows: rows, columns: logits.columns, targets: targets, epsilon: epsilon,
          divisor: Float(max(1, logits.rowCount)))
      }
    ]
  }
}

extension PolyObjective: ExampleLossObjective {
  /// The loss of one RoI by itself, by which hard example mining ranks it.
  public func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float {
    var target = label + 1
    return Float(
      polyCrossEntropy(
        logits: logits, rows: 0..<1, columns: layout.logitCount, targets: &target, epsilon: epsilon, divisor: 1))
  }
}

extension TrainingMethod {
  /// Poly-1 cross-entropy.
  public static let poly = TrainingMethod(
    name: "poly", summary: "softmax with a first-order polynomial term added",
    source: "Leng et al., ICLR 2022",
    parameters: [.number("epsilon", default: 1, in: -1...100, "ε: the weight of the added term")],
    objective: { data, parameters in
      PolyObjective(classCount: data.groups.classCount, epsilon: parameters.number("epsilon"))
    })
}
