import DenseLinearAlgebra
import DetectionHeads

/// How much positive gradient each class has had for its negative, and the focusing that follows (Li et al., CVPR 2022;
/// ModelTC/United-Perception `efl.py`).
///
/// With g = Σ positive / Σ negative, held to 0...1: γ_c = γ + s (1 − g_c), and the class's loss weighs γ_c / γ. g starts at
/// 1, where it is focal loss.
public struct FocusingBalance: GradientSums, Sendable, Equatable {
  /// The focusing γ of a class whose gradients are in balance.
  public var gamma = 2.0
  /// The scale s: how much classes with little positive gradient are focused.
  public var scale = 8.0
  /// Σ |gradient| of positives [C].
  public var positive: [Double]
  /// Σ |gradient| of negatives [C].
  public var negative: [Double]
  /// The ratio g of the gradients of every class, held to 0...1 [C].
  public internal(set) var ratio: [Double]

  /// Starts from nothing.
  public init(classCount: Int) {
    positive = Array(repeating: 0, count: classCount)
    negative = positive
    ratio = Array(repeating: 1, count: classCount)
  }

  /// γ_c of the next batch [C].
  public var gammas: [Double] { ratio.map { gamma + scale * (1 - $0) } }

  /// Takes in what a batch's gradient sums up to.
  ///
  /// - Parameters:
  ///   - positive: Σ_rows |gradient| at targets [C], of the loss as it is divided.
  ///   - negative: The same elsewhere [C].
  public mutating func add(positive: [Double], negative: [Double]) {
    for index in ratio.indices {
      self.positive[index] += positive[index]
      self.negative[index] += negative[index]
      ratio[index] = min(1, max(0, self.positive[index] / (self.negative[index] + 1e-10)))
    }
  }
}

/// Equalized focal loss over C classes, Σ_rows Σ_c α_t (γ_c / γ) (1 − p_t)^γ_c (−log p_t) / divisor, replaced in place by
/// its gradient. γ_c is that of the batches before; no gradient flows through it.
///
/// - Parameters:
///   - logits: [rows, C]; overwritten by the gradient.
///   - rows: N.
///   - labels: The class of every row, or −1 for background.
///   - alpha: α, the weight of positives; negatives weigh 1 − α.
///   - divisor: What the sum is divided by: the foreground RoIs, at least 1.
///   - balance: The classes' gradients; takes in this batch.
///   - threads: How many threads to use.
/// - Returns: The loss.
public func equalizedFocalLoss<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Int, labels: [Int32], alpha: Scalar, divisor: Scalar,
  balance: inout FocusingBalance, threads: Int = 1
) -> Double {
  let classCount = balance.ratio.count
  let gammas = balance.gammas.map { Scalar($0) }
  // A γ of 0 has no share to weigh by.
  let weights = balance.gammas.map { balance.gamma > 0 ? Scalar($0 / balance.gamma) : 1 }
  let loss = sumOverRows(rows, threads: threads) { rows in
    var sum = 0.0
    for row in rows {
      let z = logits + row * classCount
      let target = Int(labels[row])
      var atTarget: Scalar = 0
      if target >= 0 {
        atTarget = -z[target]
        // So low that it has no loss and no gradient as a negative.
        z[target] = -1000
      }
      let negatives = Scalar.focalLoss(
        z, gammas: gammas, weights: weights, scale: (1 - alpha) / divisor, count: classCount)
      sum += Double(1 - alpha) * Double(negatives)
      if target >= 0 {
        let positive = Scalar.focalLoss(
          &atTarget, gamma: gammas[target], scale: -alpha * weights[target] / divisor, count: 1)
        sum += Double(alpha * weights[target]) * Double(positive)
        z[target] = atTarget
      }
    }
    return sum
  }
  let sums = gradientSums(logits, rows: rows, columns: classCount, labels: labels, threads: threads)
  balance.add(positive: sums.positive, negative: sums.negative)
  return loss / Double(divisor)
}

/// Σ_rows |gradient| of every column: at the rows' targets, where the gradient is below 0, and elsewhere.
func gradientSums<Scalar: DenseScalar>(
  _ gradient: UnsafePointer<Scalar>, rows: Int, columns: Int, labels: [Int32], threads: Int
) -> (positive: [Double], negative: [Double]) {
  var positive = [Double](repeating: 0, count: columns)
  for (row, label) in labels.enumerated() where label >= 0 {
    positive[Int(label)] -= Double(gradient[row * columns + Int(label)])
  }
  var negative = [Scalar](repeating: 0, count: columns)
  negative.withUnsafeMutableBufferPointer { negative in
    guard let negative = negative.baseAddress else { return }
    nonisolated(unsafe) let (sums, gradient) = (negative, gradient)
    inParallel(parts: threads) { part in
      let share = evenSlice(of: columns, part: part, of: threads)
      for row in 0..<rows {
        let g = gradient + row * columns
        for column in share { sums[column] += max(0, g[column]) }
      }
    }
  }
  return (positive, negative.map { Double($0) })
}

/// Equalized focal loss over C classes, divided by the foreground RoIs; biases start from a prior.
public struct EqualizedFocalObjective: WholeBatchObjective, StatefulObjective, HeadInitializingObjective {
  /// The layout of the logits: a sigmoid for each of the C classes.
  public let layout: any LogitLayout
  /// The names of the loss's parts: there is one, `equalized focal`.
  public let componentNames = ["equalized focal"]
  /// The classes' gradients so far.
  public private(set) var balance: FocusingBalance
  private let alpha: Float
  private let prior: Double

  /// Makes the objective.
  public init(_ balance: FocusingBalance, alpha: Double = 0.25, prior: Double = 0.01) {
    layout = SigmoidLayout(classCount: balance.ratio.count)
    self.balance = balance
    self.alpha = Float(alpha)
    self.prior = prior
  }

  /// Biases that give every class the prior.
  public func initialize(_ head: inout LinearHead) { head.setBiases(toPrior: prior) }

  /// The loss, and the next focusing.
  public mutating func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    [
      equalizedFocalLoss(
        logits: logits.values, rows: logits.rowCount, labels: logits.labels, alpha: alpha,
        divisor: Float(max(1, logits.foregroundCount)), balance: &balance, threads: threads)
    ]
  }

  /// The sums of the gradients so far, for a checkpoint.
  public var state: [String: [Double]] { balance.state }

  /// Takes back the sums of a checkpoint.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if they are another method's.
  public mutating func restore(state: [String: [Double]]) throws { try balance.restore(state: state) }
}

extension TrainingMethod {
  /// The method `efl`, equalized focal loss (Li et al., CVPR 2022).
  public static let equalizedFocal = TrainingMethod(
    name: "efl", summary: "focal loss that focuses more on classes that have had little positive gradient",
    source: "Li et al., CVPR 2022",
    parameters: [
      .number("gamma", default: 2, in: 0...20, "γ: the focusing of a class in balance"),
      .number("alpha", default: 0.25, in: 0...1, "α: the weight of positives"),
      .number("focus", default: 8, in: 0...100, "s: how much more classes out of balance are focused"), .prior(0.01),
    ],
    noExampleLoss: "weighs an example by what earlier batches held",
    objective: { data, parameters in
      var balance = FocusingBalance(classCount: data.groups.classCount)
      balance.gamma = parameters.number("gamma")
      balance.scale = parameters.number("focus")
      return EqualizedFocalObjective(
        balance, alpha: parameters.number("alpha"), prior: parameters.number("prior"))
    })
}
