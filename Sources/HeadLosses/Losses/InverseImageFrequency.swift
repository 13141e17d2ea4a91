import DenseLinearAlgebra
import DetectionHeads
import RealModule

/// What inverse image frequency makes of the share p of the images (or of the instances) that a class is in.
public enum FrequencyLink: String, Sendable, CaseIterable {
  /// −ln p.
  case raw
  /// ln((N + 1) / (n + 1)) + 1.
  case smooth
  /// ln((N − n) / n), the code's `prob`.
  case relative
  /// −Φ⁻¹(p), Φ the distribution function of the normal distribution.
  case normit
  /// −ln(−ln(1 − p)).
  case gombit
  /// −log₂ p.
  case base2
  /// −log₁₀ p.
  case base10
}

/// Weights of inverse image frequency, IIF (Alexandridis et al., IEEE TIP 2023; kostas1515/iif `idf_1204.csv`, its columns
/// as FRACAL's `get_frequency.py` makes them).
///
/// A class that is nowhere counts as one, and one that is everywhere as in N − 1 of N: no weight is infinite, and none of
/// `raw` is 0.
///
/// - Parameters:
///   - counts: n of each class: images that hold it, or instances.
///   - total: N: all images, or all instances.
///   - link: The function of n and N.
/// - Returns: [C].
public func inverseFrequencyWeights(counts: [Int], total: Int, link: FrequencyLink = .raw) -> [Double] {
  let total = max(2, total)
  return counts.map { count in
    let count = min(max(1, count), total - 1)
    let (n, all) = (Double(count), Double(total))
    let share = n / all
    switch link {
    case .raw: return .log(all / n)
    case .smooth: return .log((all + 1) / (n + 1)) + 1
    case .relative: return .log((all - n) / n)
    case .normit: return -normalQuantile(share)
    case .gombit: return -.log(-.log(onePlus: -share))
    case .base2: return -.log2(share)
    case .base10: return -.log10(share)
    }
  }
}

/// Φ⁻¹(p) of 0 < p < 1, by halving.
private func normalQuantile(_ p: Double) -> Double {
  if p > 0.5 { return -normalQuantile(1 - p) }
  var (low, high) = (-40.0, 0.0)
  while true {
    let middle = (low + high) / 2
    if middle <= low || middle >= high { return middle }
    if Double.erfc(-middle / 2.0.squareRoot()) / 2 < p { low = middle } else { high = middle }
  }
}

/// Softmax cross-entropy of w z over rows of logits, Σ_rows CE / divisor, replaced in place by its gradient with respect to
/// z (kostas1515/iif `iif_loss.py`, `cross_entropy`).
///
/// - Parameters:
///   - logits: [rows.upperBound or more, columns]; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - columns: The number of logits a row.
///   - targets: The target of every row.
///   - scales: w [columns], 1 for background.
///   - divisor: What the sum is divided by: all RoIs.
/// - Returns: The part of the loss that comes from `rows`.
public func weightedLogitCrossEntropy<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>,
  scales: UnsafePointer<Scalar>, divisor: Scalar
) -> Double {
  func scale() {
    for row in rows {
      let z = logits + row * columns
      for column in 0..<columns { z[column] *= scales[column] }
    }
  }
  scale()
  let loss = softmaxCrossEntropy(logits: logits, rows: rows, columns: columns, targets: targets, divisor: divisor)
  // dLoss/dz = w dLoss/d(w z).
  scale()
  return loss
}

/// IIF on C + 1 logits, background first with weight 1, the mean over all RoIs. Scores are the softmax of w z.
public struct InverseFrequencyObjective: WholeBatchObjective, ExampleLossObjective {
  /// Background and the classes, with w.
  public let layout: any LogitLayout
  /// The names of the loss's parts: there is one, `iif`.
  public let componentNames = ["iif"]
  private let scales: [Float]

  /// Makes the objective.
  ///
  /// - Parameter weights: w [C].
  public init(weights: [Double]) {
    scales = [1] + weights.map { Float($0) }
    layout = ScaledLayout(scales: scales)
  }

  /// CE of w z, mean over RoIs.
  public func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let targets = logits.labels.map { $0 + 1 }
    return [
      sumOverRows(logits.rowCount, threads: threads) { rows in
        weightedLogitCrossEntropy(
          logits: logits.values, rows: rows, columns: logits.columns, targets: targets, scales: scales,
          divisor: Float(max(1, logits.rowCount)))
      }
    ]
  }

  /// CE of w z.
  public func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float {
    var target = label + 1
    return Float(
      weightedLogitCrossEntropy(
        logits: logits, rows: 0..<1, columns: layout.logitCount, targets: &target, scales: scales, divisor: 1))
  }
}

extension TrainingMethod {
  /// The method `iif`, softmax on logits scaled by inverse image frequency.
  public static let inverseFrequency = TrainingMethod(
    name: "iif", summary: "softmax on logits multiplied by the class's inverse image frequency, in training and after",
    source: "Alexandridis et al., IEEE TIP 2023",
    parameters: [
      .choice("link", default: "raw", of: FrequencyLink.allCases.map(\.rawValue), "the function of the frequency"),
      .choice("frequency", default: "images", of: ["images", "instances"], "what is counted"),
    ],
    objective: { data, parameters in
      let link = FrequencyLink(rawValue: parameters.choice("link")) ?? .raw
      let members = data.groups.members
      let weights =
        parameters.choice("frequency") == "images"
        ? inverseFrequencyWeights(counts: members.map(\.imageCount), total: data.imageCount, link: link)
        : inverseFrequencyWeights(
          counts: members.map(\.instanceCount), total: members.reduce(0) { $0 + $1.instanceCount }, link: link)
      return InverseFrequencyObjective(weights: weights)
    })
}
