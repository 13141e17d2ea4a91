import DenseLinearAlgebra
import DetectionHeads

/// One row of weighted binary cross-entropy against a one-hot target:
/// p · log(1 + e^−z_t) at the target t, n_j · log(1 + e^z_j) elsewhere, replaced in place by scale times its derivative.
///
/// - Parameters:
///   - z: [columns].
///   - columns: The number of logits.
///   - target: t, or −1 where every target is 0.
///   - negativeWeights: n [columns].
///   - positiveWeight: p.
///   - scale: What the gradient is multiplied by; the value returned is not.
/// - Returns: The row's loss.
@inline(__always)
func binaryCrossEntropyRow<Scalar: DenseScalar>(
  _ z: UnsafeMutablePointer<Scalar>, columns: Int, target: Int32, negativeWeights: UnsafePointer<Scalar>,
  positiveWeight: Scalar, scale: Scalar
) -> Double {
  guard target >= 0 else {
    return Double(Scalar.logisticLoss(z, weights: negativeWeights, scale: scale, count: columns))
  }
  let at = Int(target)
  var atTarget = -z[at]
  // So low that it has no loss and no gradient as a negative.
  z[at] = -1000
  var loss = Double(Scalar.logisticLoss(z, weights: negativeWeights, scale: scale, count: columns))
  withUnsafePointer(to: positiveWeight) { weight in
    loss += Double(Scalar.logisticLoss(&atTarget, weights: weight, scale: -scale, count: 1))
  }
  z[at] = atTarget
  return loss
}

/// Weighted binary cross-entropy of rows of logits against one-hot targets, Σ_rows Σ_j w_j BCE(z_j, t_j) / divisor,
/// replaced in place by its gradient w_j (σ(z_j) − t_j) / divisor.
///
/// - Parameters:
///   - logits: [rows.upperBound or more, columns]; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - columns: The number of logits a row.
///   - targets: The column whose target is 1, or −1 for none.
///   - negativeWeights: w of a column where its target is 0 [columns].
///   - positiveWeights: w of a column where its target is 1 [columns].
///   - backgroundWeights: w of a column in a row without a target [columns]; `nil` for `negativeWeights`.
///   - divisor: What the sum is divided by.
/// - Returns: The part of the loss that comes from `rows`.
public func binaryCrossEntropy<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>,
  negativeWeights: UnsafePointer<Scalar>, positiveWeights: UnsafePointer<Scalar>,
  backgroundWeights: UnsafePointer<Scalar>? = nil, divisor: Scalar
) -> Double {
  var loss = 0.0
  for row in rows {
    let target = targets[row]
    loss += binaryCrossEntropyRow(
      logits + row * columns, columns: columns, target: target,
      negativeWeights: target < 0 ? backgroundWeights ?? negativeWeights : negativeWeights,
      positiveWeight: target >= 0 ? positiveWeights[Int(target)] : 0, scale: 1 / divisor)
  }
  return loss / Double(divisor)
}

/// Binary cross-entropy over C classes; background is where no class is. Plain it is divided by all RoIs (detectron2
/// `fast_rcnn.py`, sigmoid), α-balanced by the foreground RoIs (Lin et al., ICCV 2017, eq. 3).
public struct SigmoidObjective: WholeBatchObjective, HeadInitializingObjective {
  /// The number that a batch's sum is divided by.
  public enum Divisor: Sendable {
    /// The number N of all RoIs of the batch.
    case everyRoI
    /// The foreground RoIs, at least 1.
    case foreground
  }

  /// A sigmoid for each class.
  public let layout: any LogitLayout
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["sigmoid"]
  private let negativeWeights: [Float]
  private let positiveWeights: [Float]
  private let backgroundWeights: [Float]
  private let divisor: Divisor
  private let prior: Double

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - classCount: C.
  ///   - negativeWeight: The weight of a class that the RoI is not of.
  ///   - positiveWeight: The weight of the class that it is of.
  ///   - divisor: What the sum is divided by.
  ///   - prior: The score that every class starts from.
  ///   - classWeights: What the positive weight of each class, and all weights of background RoIs, are multiplied by,
  ///     background first [C + 1]; `nil` for 1.
  /// - Precondition: There are C + 1 class weights, or none.
  public init(
    classCount: Int, negativeWeight: Double = 1, positiveWeight: Double = 1, divisor: Divisor = .everyRoI,
    prior: Double = 0.5, classWeights: [Double]? = nil
  ) {
    precondition(
      classWeights == nil || classWeights?.count == classCount + 1, "background and every class has a weight")
    layout = SigmoidLayout(classCount: classCount)
    negativeWeights = Array(repeating: Float(negativeWeight), count: classCount)
    positiveWeights =
      classWeights.map { $0.dropFirst().map { Float(positiveWeight * $0) } }
      ?? Array(repeating: Float(positiveWeight), count: classCount)
    backgroundWeights = Array(repeating: Float(negativeWeight * (classWeights?.first ?? 1)), count: classCount)
    self.divisor = divisor
    self.prior = prior
  }

  /// Biases that give every class the prior.
  public func initialize(_ head: inout LinearHead) { head.setBiases(toPrior: prior) }

  /// BCE over all classes of all RoIs.
  public func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let count = divisor == .everyRoI ? logits.rowCount : logits.foregroundCount
    return [
      sumOverRows(logits.rowCount, threads: threads) { rows in
        binaryCrossEntropy(
          logits: logits.values, rows: rows, columns: logits.columns, targets: logits.labels,
          negativeWeights: negativeWeights, positiveWeights: positiveWeights, backgroundWeights: backgroundWeights,
          divisor: Float(max(1, count)))
      }
    ]
  }
}

extension SigmoidObjective: SummedObjective {
  /// All examples, or the foreground ones; at least 1.
  public func divisor(labels: [Int32]) -> Double {
    Double(max(1, divisor == .everyRoI ? labels.count : labels.count { $0 >= 0 }))
  }
}

extension SigmoidObjective: ExampleLossObjective {
  /// The binary cross-entropy of one RoI over all classes.
  public func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float {
    var target = label
    return Float(
      binaryCrossEntropy(
        logits: logits, rows: 0..<1, columns: layout.logitCount, targets: &target, negativeWeights: negativeWeights,
        positiveWeights: positiveWeights, backgroundWeights: backgroundWeights, divisor: 1))
  }
}

extension TrainingMethod {
  /// The method `bce`, binary cross-entropy of every class.
  public static let sigmoid = TrainingMethod(
    name: "bce", summary: "a sigmoid per class, binary cross-entropy",
    source: "detectron2, fast_rcnn.py", parameters: [.prior(0.5)], takesClassWeights: true,
    objective: { data, parameters in
      SigmoidObjective(
        classCount: data.groups.classCount, prior: parameters.number("prior"), classWeights: data.classWeights)
    })

  /// The method `balanced-bce`, α-balanced binary cross-entropy (Lin et al., ICCV 2017, eq. 3).
  public static let balancedSigmoid = TrainingMethod(
    name: "balanced-bce", summary: "binary cross-entropy, positives weighted by α and negatives by 1 − α",
    source: "Lin et al., ICCV 2017, eq. 3",
    parameters: [.number("alpha", default: 0.25, in: 0...1, "α: the weight of positives"), .prior(0.01)],
    takesClassWeights: true,
    objective: { data, parameters in
      let alpha = parameters.number("alpha")
      return SigmoidObjective(
        classCount: data.groups.classCount, negativeWeight: 1 - alpha, positiveWeight: alpha, divisor: .foreground,
        prior: parameters.number("prior"), classWeights: data.classWeights)
    })
}
