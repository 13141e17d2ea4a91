import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import RealModule

/// Varifocal loss of rows of logits against the overlaps of their boxes (Zhang et al., CVPR 2021, as RT-DETR and D-FINE use
/// it: transformers `RTDetrLoss.loss_labels_vfl`), Σ_rows Σ_j w_j BCE(z_j, t_j) / divisor, replaced in place by its gradient
/// w_j (σ(z_j) − t_j) / divisor.
///
/// At the class of a row, the target is the IoU q of its box with the object, and so is the weight; elsewhere the target
/// is 0 and the weight α σ(z_j)^γ, which carries no gradient.
///
/// - Parameters:
///   - logits: [rows.upperBound or more, columns]; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - columns: The number of logits a row.
///   - targets: The column of the row's class, or −1 for none.
///   - overlaps: q of every row, 0...1; those of rows without a class are not looked at.
///   - alpha: α.
///   - gamma: γ.
///   - divisor: What the sum is divided by: the rows with a class, at least 1.
/// - Returns: The part of the loss that comes from `rows`.
public func varifocalLoss<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>,
  overlaps: UnsafePointer<Scalar>, alpha: Scalar, gamma: Scalar, divisor: Scalar
) -> Double {
  withUnsafeTemporaryAllocation(of: Scalar.self, capacity: columns) { weights in
    guard let weights = weights.baseAddress else { return 0 }
    var loss = 0.0
    for row in rows {
      let z = logits + row * columns
      weights.initialize(from: z, count: columns)
      Scalar.sigmoid(weights, count: columns)
      let target = Int(targets[row])
      let atTarget = target >= 0 ? (logit: z[target], score: weights[target]) : nil
      for column in 0..<columns {
        let p = weights[column]
        weights[column] = alpha * (gamma == 2 ? p * p : .pow(p, gamma))
      }
      if target >= 0 { weights[target] = 0 }
      loss += Double(Scalar.logisticLoss(z, weights: weights, scale: 1 / divisor, count: columns))
      if let atTarget {
        let q = overlaps[row]
        let entropy = max(atTarget.logit, 0) - atTarget.logit * q + .log(onePlus: .exp(-abs(atTarget.logit)))
        loss += Double(q * entropy)
        z[target] = q * (atTarget.score - q) / divisor
      }
    }
    return loss / Double(divisor)
  }
}

/// Varifocal loss over C classes, divided by the foreground examples: a score learns the overlap of its box, so that
/// among boxes of one class the best placed ranks first.
public struct VarifocalObjective: WholeBatchObjective, HeadInitializingObjective, BatchPreparingObjective {
  /// A sigmoid for each class.
  public let layout: any LogitLayout
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["varifocal"]
  private let alpha: Float
  private let gamma: Float
  private let prior: Double
  /// The overlap of every example of the batch.
  private var overlaps: [Float] = []

  /// Makes the objective for C foreground classes.
  public init(classCount: Int, alpha: Double = 0.75, gamma: Double = 2, prior: Double = 0.01) {
    layout = SigmoidLayout(classCount: classCount)
    self.alpha = Float(alpha)
    self.gamma = Float(gamma)
    self.prior = prior
  }

  /// Biases that give every class the prior.
  public func initialize(_ head: inout LinearHead) { head.setBiases(toPrior: prior) }

  /// Reads the overlaps of the batch.
  ///
  /// - Throws: `LinearHeadError` if the source has no `ious`; what it throws itself.
  public mutating func prepare(for batch: BatchContext) throws {
    overlaps.removeAll(keepingCapacity: true)
    for image in batch.rois.images {
      guard let span = batch.rois.rowSpan(of: image) else { continue }
      guard let ious = try batch.source.values(.ious, rows: span) else {
        throw LinearHeadError(
          .missingData,
          "varifocal loss learns the overlap of each box with its object: the features need the tensor 'ious'")
      }
      overlaps += image.map { min(1, max(0, ious[batch.rois.rows[$0] - span.lowerBound])) }
    }
  }

  /// Varifocal loss over all classes of all examples.
  public func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    // Where no batch was prepared for, every box is taken to lie right.
    let overlaps = overlaps.count == logits.rowCount ? overlaps : [Float](repeating: 1, count: logits.rowCount)
    let divisor = Float(max(1, logits.foregroundCount))
    return [
      sumOverRows(logits.rowCount, threads: threads) { rows in
        varifocalLoss(
          logits: logits.values, rows: rows, columns: logits.columns, targets: logits.labels, overlaps: overlaps,
          alpha: alpha, gamma: gamma, divisor: divisor)
      }
    ]
  }
}

extension TrainingMethod {
  /// The method `varifocal`, varifocal loss (Zhang et al., CVPR 2021) as RT-DETR and D-FINE use it.
  public static let varifocal = TrainingMethod(
    name: "varifocal",
    summary: "a sigmoid per class that learns the overlap of the box; RT-DETR's and D-FINE's own loss",
    source: "Zhang et al., CVPR 2021; transformers RTDetrLoss",
    parameters: [
      .number("gamma", default: 2, in: 0...20, "γ: how little well-classified negatives count"),
      .number("alpha", default: 0.75, in: 0...1, "α: the weight of negatives"), .prior(0.01),
    ],
    neededColumn: .ious,
    noExampleLoss: "takes its targets from the overlaps of the batch's boxes, which mining does not see",
    objective: { data, parameters in
      VarifocalObjective(
        classCount: data.groups.classCount, alpha: parameters.number("alpha"), gamma: parameters.number("gamma"),
        prior: parameters.number("prior"))
    })
}
