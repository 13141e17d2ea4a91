import DenseLinearAlgebra
import DetectionHeads
import RealModule

/// Adaptive class suppression loss (Wang et al., CVPR 2021, eq. 4 and 5; `acsl.py`): binary cross-entropy over background
/// and C classes, Σ_rows Σ_j w_j BCE / divisor.
///
/// A foreground RoI weighs 1 at its class and wherever σ(z_j) is at least the threshold, 0 elsewhere. A background RoI
/// weighs 1 at background and at frequent classes; at common and rare ones only if it was drawn for them. No gradient
/// flows through the weights.
///
/// - Parameters:
///   - logits: [rows.upperBound or more, C + 1], background first; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - columns: C + 1.
///   - targets: The column of every row's label; 0 is background.
///   - threshold: The score from which on a class is suppressed.
///   - backgroundWeights: w of background RoIs, one row a pattern [4, C + 1]; see `suppressionPatterns`.
///   - patterns: For every row which of them it takes; unused for foreground.
///   - divisor: What the sum is divided by: all RoIs.
/// - Returns: The part of the loss that comes from `rows`.
public func adaptiveSuppressionLoss<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>,
  threshold: Scalar, backgroundWeights: Matrix<Scalar>, patterns: UnsafePointer<UInt8>, divisor: Scalar
) -> Double {
  // σ(z) >= threshold, without the exponential.
  let limit = Scalar.log(threshold / (1 - threshold))
  return backgroundWeights.withUnsafeValues { backgroundWeights in
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: columns) { scratch in
      guard let weights = scratch.baseAddress, let backgroundWeights = backgroundWeights.baseAddress else { return 0 }
      var loss = 0.0
      for row in rows {
        let z = logits + row * columns
        let isForeground = targets[row] > 0
        if isForeground {
          for column in 0..<columns { (weights + column).initialize(to: z[column] >= limit ? 1 : 0) }
        }
        loss += binaryCrossEntropyRow(
          z, columns: columns, target: targets[row],
          negativeWeights: isForeground
            ? UnsafePointer(weights) : backgroundWeights + Int(patterns[row]) * columns,
          positiveWeight: 1, scale: 1 / divisor)
      }
      return loss / Double(divisor)
    }
  }
}

/// The background RoIs of a batch that train rare and common classes: int(1 %) and int(10 %) of them, drawn without
/// replacement, each draw by itself; frequent classes take all (`acsl.py`). Fewer than 100 leave rare classes none.
///
/// - Parameters:
///   - isBackground: For every RoI, whether it is background.
///   - generator: Where the draws come from.
/// - Returns: For every RoI 1 if it was drawn for rare classes, plus 2 if for common ones.
public func suppressionPatterns(
  isBackground: [Bool], using generator: inout some RandomNumberGenerator
) -> [UInt8] {
  let background = isBackground.indices.filter { isBackground[$0] }
  var patterns = [UInt8](repeating: 0, count: isBackground.count)
  for (bit, percent) in [(UInt8(1), 1), (2, 10)] {
    for position in sample(background.count * percent / 100, of: background.count, using: &generator) {
      patterns[background[position]] += bit
    }
  }
  return patterns
}

/// Adaptive class suppression over background and C classes; rare, common and frequent go by images as in LVIS
/// (m_c ≤ 10, ≤ 100, above).
public struct SuppressionObjective: WholeBatchObjective, HeadInitializingObjective {
  /// A sigmoid for background and for each class, background first.
  public let layout: any LogitLayout
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["suppression"]
  private let threshold: Float
  private let backgroundWeights: Matrix<Float>
  private let prior: Double
  private var patterns: [UInt8] = []

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - imageCounts: m_c.
  ///   - threshold: The score from which on a class is suppressed.
  ///   - prior: The score that every class starts from.
  public init(imageCounts: [Int], threshold: Double = 0.7, prior: Double = 0.5) {
    layout = SigmoidLayout(classCount: imageCounts.count, background: .first)
    self.threshold = Float(threshold)
    self.prior = prior
    backgroundWeights = Self.backgroundWeights(
      isRare: imageCounts.map { $0 <= 10 }, isCommon: imageCounts.map { $0 > 10 && $0 <= 100 })
  }

  /// The weights of the four kinds of background RoIs [4, C + 1]; see `suppressionPatterns`.
  package static func backgroundWeights<Scalar: DenseScalar>(isRare: [Bool], isCommon: [Bool]) -> Matrix<Scalar> {
    var values: [Scalar] = []
    for pattern in 0..<4 {
      values.append(1)
      for (rare, common) in zip(isRare, isCommon) {
        values.append(rare ? Scalar(pattern & 1) : common ? Scalar(pattern >> 1) : 1)
      }
    }
    return Matrix(rows: 4, columns: isRare.count + 1, values: values)
  }

  /// Biases that give every class the prior.
  public func initialize(_ head: inout LinearHead) { head.setBiases(toPrior: prior) }

  /// Asks for all logits, and draws the background RoIs.
  public mutating func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock] {
    patterns = suppressionPatterns(isBackground: labels.map { $0 < 0 }, using: &generator)
    return [LogitBlock(logits: 0..<layout.logitCount)]
  }

  /// Replaces the logits by the gradient and returns the suppression loss.
  public func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let targets = logits.labels.map { $0 + 1 }
    let divisor = Float(max(1, logits.rowCount))
    return [
      sumOverRows(logits.rowCount, threads: threads) { rows in
        adaptiveSuppressionLoss(
          logits: logits.values, rows: rows, columns: logits.columns, targets: targets, threshold: threshold,
          backgroundWeights: backgroundWeights, patterns: patterns, divisor: divisor)
      }
    ]
  }
}

extension TrainingMethod {
  /// The method `acsl`, adaptive class suppression loss (Wang et al., CVPR 2021).
  public static let suppression = TrainingMethod(
    name: "acsl", summary: "a sigmoid per class; only classes that score high are suppressed by other foreground",
    source: "Wang et al., CVPR 2021 (Adaptive Class Suppression Loss)",
    parameters: [
      .number("score-threshold", default: 0.7, in: 1e-6...0.999999, "the score from which on a class is suppressed"),
      .prior(0.5),
    ],
    noExampleLoss: "draws at random for which classes a background RoI counts at all",
    objective: { data, parameters in
      SuppressionObjective(
        imageCounts: data.groups.members.map(\.imageCount), threshold: parameters.number("score-threshold"),
        prior: parameters.number("prior"))
    })
}
