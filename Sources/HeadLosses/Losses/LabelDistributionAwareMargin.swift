import DenseLinearAlgebra
import DetectionHeads
import RealModule

/// Label-distribution-aware margins m_c = m · n_c^−¼ / max_j n_j^−¼ (Cao et al., NeurIPS 2019, eq. 13; LDAM-DRW
/// `losses.py`). A class without instances counts as one.
///
/// - Parameters:
///   - counts: n_c.
///   - largest: m, the margin of the rarest class.
/// - Returns: [C].
public func labelDistributionAwareMargins(counts: [Int], largest: Double = 0.5) -> [Double] {
  let roots = counts.map { 1 / Double(max(1, $0)).squareRoot().squareRoot() }
  let maximum = roots.max() ?? 1
  return roots.map { $0 * (largest / maximum) }
}

/// Cross-entropy of s (z − m_target onehot(target)) over rows of cosines z, weighted by target:
/// Σ_rows w_target CE / divisor, replaced in place by its gradient with respect to z (LDAM-DRW `losses.py`, LDAMLoss).
///
/// - Parameters:
///   - cosines: [rows.upperBound or more, columns]; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - columns: The number of cosines a row.
///   - targets: The target of every row.
///   - margins: m [columns].
///   - scale: s.
///   - weights: w [columns], by the row's target; `nil` for 1.
///   - divisor: What the sum is divided by; torch's weighted mean takes Σ w_target.
/// - Returns: The part of the loss that comes from `rows`.
public func marginCrossEntropy<Scalar: DenseScalar>(
  cosines: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>,
  margins: UnsafePointer<Scalar>, scale: Scalar, weights: UnsafePointer<Scalar>? = nil, divisor: Scalar
) -> Double {
  for row in rows {
    let z = cosines + row * columns
    z[Int(targets[row])] -= margins[Int(targets[row])]
    for column in 0..<columns { z[column] *= scale }
  }
  let loss = softmaxCrossEntropy(
    logits: cosines, rows: rows, columns: columns, targets: targets, weights: weights, divisor: divisor)
  let start = rows.lowerBound * columns
  for index in start..<start + rows.count * columns { cosines[index] *= scale }
  return loss
}

/// LDAM on C + 1 cosines, background first and without a margin, with deferred re-weighting (DRW): from `deferredEpoch`
/// on a RoI weighs by the effective number of its class, as Cui et al. normalise it, background 1.
public struct MarginObjective: WholeBatchObjective, BatchPreparingObjective {
  /// Cosines of background and the classes.
  public let layout: any LogitLayout
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["ldam"]
  private let scale: Float
  private let margins: [Float]
  private let deferredWeights: [Float]
  private let deferredEpoch: Int
  private var epoch = 0

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - counts: n_c.
  ///   - largestMargin: The margin of the rarest class.
  ///   - scale: s.
  ///   - deferredEpoch: The epoch, from 0, from which on RoIs are weighted.
  ///   - beta: β of the effective number.
  public init(
    counts: [Int], largestMargin: Double = 0.5, scale: Double = 30, deferredEpoch: Int = 8, beta: Double = 0.9999
  ) {
    layout = CosineLayout(classCount: counts.count, scale: Float(scale))
    self.scale = Float(scale)
    self.deferredEpoch = deferredEpoch
    margins = [0] + labelDistributionAwareMargins(counts: counts, largest: largestMargin).map { Float($0) }
    deferredWeights =
      [1] + ClassWeights.effectiveNumber(counts: counts, beta: beta, limits: nil).map { Float($0) }
  }

  /// Notes the epoch, from which the weights of RoIs follow.
  public mutating func prepare(for batch: BatchContext) { epoch = batch.epoch }

  /// Margin cross-entropy, the mean of the RoIs by their weights.
  public func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let targets = logits.labels.map { $0 + 1 }
    let weights = epoch >= deferredEpoch ? deferredWeights : nil
    let total = weights.map { weights in targets.reduce(0) { $0 + weights[Int($1)] } } ?? Float(logits.rowCount)
    let divisor = total > 0 ? total : 1
    return [
      sumOverRows(logits.rowCount, threads: threads) { rows in
        marginCrossEntropy(
          cosines: logits.values, rows: rows, columns: logits.columns, targets: targets, margins: margins,
          scale: scale, weights: weights, divisor: divisor)
      }
    ]
  }
}

extension MarginObjective: ExampleLossObjective {
  /// The weighted margin cross-entropy of one RoI.
  public func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float {
    var target = label + 1
    return Float(
      marginCrossEntropy(
        cosines: logits, rows: 0..<1, columns: layout.logitCount, targets: &target, margins: margins, scale: scale,
        weights: epoch >= deferredEpoch ? deferredWeights : nil, divisor: 1))
  }
}

extension TrainingMethod {
  /// The method `ldam`, label-distribution-aware margins with deferred re-weighting (Cao et al., NeurIPS 2019).
  public static let marginSoftmax = TrainingMethod(
    name: "ldam", summary: "softmax on cosines with larger margins for rarer classes, and late re-weighting (LDAM-DRW)",
    source: "Cao et al., NeurIPS 2019",
    parameters: [
      .number("margin", default: 0.5, in: 0...2, "the margin of the rarest class"),
      .number("scale", default: 30, in: 0.001...1000, "s: what cosines are multiplied by"),
      .integer("drw-epoch", default: 8, in: 0...1_000_000, "the epoch, from 0, from which on classes are weighted"),
      .number("beta", default: 0.9999, in: 0...0.999999999, "β of those weights, the effective number of samples"),
    ],
    objective: { data, parameters in
      MarginObjective(
        counts: data.groups.members.map(\.instanceCount), largestMargin: parameters.number("margin"),
        scale: parameters.number("scale"), deferredEpoch: parameters.integer("drw-epoch"),
        beta: parameters.number("beta"))
    })
}
