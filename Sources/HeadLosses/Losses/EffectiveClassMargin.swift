import DenseLinearAlgebra
import DetectionHeads
import RealModule

/// The effective class margins of ECM (Cho and Krähenbühl, ECCV 2022; janghyuncho/ECM-Loss
/// `effective_class_margin_loss.py`, `ecm_utils.py`): with n⁺ the count of a column and n⁻ that of all others,
/// - the margin m = ¼ ln(n⁺ / n⁻), the code's log of n⁻^¼ over the sum against that of n⁺^¼ over it;
/// - the weight a ln((1 + a) / a), a = n⁻ / n⁺.
///
/// Background is one more column, as often as `backgroundRatio` times all classes together.
public struct EffectiveClassMargins: Sendable, Equatable {
  /// m of the classes, background last [C + 1].
  public let margins: [Double]
  /// w of the same [C + 1].
  public let weights: [Double]

  /// Makes them.
  ///
  /// - Parameters:
  ///   - counts: What the code calls the image count of every class, at least 1 each.
  ///   - backgroundRatio: Background's count over the sum of the classes'; above 0. 6.3313 is what the authors found.
  public init(counts: [Int], backgroundRatio: Double = 6.3313) {
    let classes = counts.map { Double(max(1, $0)) }
    let all = classes + [classes.reduce(0, +) * backgroundRatio]
    let total = all.reduce(0, +)
    margins = all.map { .log($0 / (total - $0)) / 4 }
    weights = all.map { count in
      let a = (total - count) / count
      return a * .log((1 + a) / a)
    }
  }
}

/// Weighted binary cross-entropy of 2z + m, Σ_rows Σ_c w_c BCE(2 z_c + m_c, t_c) / divisor, replaced in place by its gradient
/// with respect to z: the code's e^(z + m⁺) / (e^(z + m⁺) + e^(−z + m⁻)) is σ(2z + m⁺ − m⁻).
///
/// - Parameters:
///   - logits: [rows.upperBound or more, columns], background last; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - columns: C + 1.
///   - targets: The column whose target is 1, C for background.
///   - margins: m [columns].
///   - weights: w [columns], of positives and negatives alike.
///   - divisor: What the sum is divided by: all RoIs.
/// - Returns: The part of the loss that comes from `rows`.
public func effectiveMarginLoss<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>,
  margins: UnsafePointer<Scalar>, weights: UnsafePointer<Scalar>, divisor: Scalar
) -> Double {
  var loss = 0.0
  for row in rows {
    let z = logits + row * columns
    for column in 0..<columns { z[column] = 2 * z[column] + margins[column] }
    loss += binaryCrossEntropyRow(
      z, columns: columns, target: targets[row], negativeWeights: weights, positiveWeight: weights[Int(targets[row])],
      scale: 2 / divisor)
  }
  return loss / Double(divisor)
}

/// ECM over C classes and background, which is trained as one more class; divided by all RoIs. Scores are
/// σ(z_c) · (1 − σ(z_background)), without margins.
public struct EffectiveMarginObjective: WholeBatchObjective, HeadInitializingObjective, ExampleLossObjective {
  /// The classes, then background.
  public let layout: any LogitLayout
  /// The names of the loss's parts: there is one, `ecm`.
  public let componentNames = ["ecm"]
  private let margins: [Float]
  private let weights: [Float]
  private let prior: Double

  /// Makes the objective.
  public init(_ margins: EffectiveClassMargins, prior: Double = 0.5) {
    self.margins = margins.margins.map { Float($0) }
    weights = margins.weights.map { Float($0) }
    self.prior = prior
    layout = SigmoidLayout(classCount: margins.margins.count - 1, background: .objectness)
  }

  /// Biases that give every class the prior.
  public func initialize(_ head: inout LinearHead) { head.setBiases(toPrior: prior) }

  /// The weighted cross-entropy with margins.
  public func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let targets = logits.labels.map { $0 >= 0 ? $0 : Int32(layout.classCount) }
    return [
      sumOverRows(logits.rowCount, threads: threads) { rows in
        effectiveMarginLoss(
          logits: logits.values, rows: rows, columns: logits.columns, targets: targets, margins: margins,
          weights: weights, divisor: Float(max(1, logits.rowCount)))
      }
    ]
  }

  /// The same of one RoI.
  public func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float {
    var target = label >= 0 ? label : Int32(layout.classCount)
    return Float(
      effectiveMarginLoss(
        logits: logits, rows: 0..<1, columns: layout.logitCount, targets: &target, margins: margins, weights: weights,
        divisor: 1))
  }
}

extension TrainingMethod {
  /// The method `ecm`, the effective class-margin loss.
  public static let effectiveMargin = TrainingMethod(
    name: "ecm", summary: "a sigmoid per class and one for background, with margins that the counts fix",
    source: "Cho and Krähenbühl, ECCV 2022",
    parameters: [
      .number(
        "background-ratio", default: 6.3313, in: 0.001...1e6, "how often background is found, over the classes' sum"),
      .prior(0.5),
    ],
    objective: { data, parameters in
      EffectiveMarginObjective(
        EffectiveClassMargins(
          counts: data.groups.members.map(\.imageCount), backgroundRatio: parameters.number("background-ratio")),
        prior: parameters.number("prior"))
    })
}
