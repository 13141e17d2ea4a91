import DenseLinearAlgebra
import DetectionHeads
import RealModule

/// Weighted binary cross-entropy of Gumbel activations p = exp(−exp(−z)) against one-hot targets (Alexandridis et al., ECCV
/// 2022; kostas1515/GOL `gumbel_ce.py` and `droploss.py`), Σ_rows Σ_c w_c BCE(p_c, t_c) / divisor, replaced in place by its
/// gradient.
///
/// z is held to −4...10 and has no gradient outside. As torch differentiates it, p (1 − p) is taken as 1e-12 at least, so
/// that a positive below z = −3.3 hardly has any gradient either.
///
/// - Parameters:
///   - logits: [rows.upperBound or more, columns]; the rows in `rows` are overwritten by the gradient.
///   - rows: The rows that this call takes.
///   - columns: C.
///   - targets: The class of every row, or −1 for background.
///   - divisor: What the sum is divided by: all RoIs.
///   - setWeights: Writes w of a row's negatives [C]; positives weigh 1.
/// - Returns: The part of the loss that comes from `rows`.
public func gumbelLoss<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>, divisor: Scalar,
  setWeights: (_ row: Int, _ weights: UnsafeMutablePointer<Scalar>) -> Void
) -> Double {
  withUnsafeTemporaryAllocation(of: Scalar.self, capacity: columns) { weights in
    guard let weights = weights.baseAddress else { return 0 }
    weights.initialize(repeating: 1, count: columns)
    var loss = 0.0
    for row in rows {
      let z = logits + row * columns
      setWeights(row, weights)
      for column in 0..<columns {
        let isTarget = column == Int(targets[row])
        let weight = isTarget ? 1 : weights[column]
        let term = gumbelCrossEntropy(z[column], isTarget: isTarget)
        loss += Double(weight * term.loss)
        z[column] = weight * term.derivative / divisor
      }
    }
    return loss / Double(divisor)
  }
}

/// −log p or −log(1 − p), and its derivative, p = exp(−exp(−z)).
private func gumbelCrossEntropy<Scalar: DenseScalar>(
  _ z: Scalar, isTarget: Bool
) -> (loss: Scalar, derivative: Scalar) {
  let held = min(10, max(-4, z))
  let t = Scalar.exp(-held)
  let p = Scalar.exp(-t)
  let rest = -Scalar.expMinusOne(-t)
  let share = p * t / max(p * rest, 1e-12)
  let isHeld = z < -4 || z > 10
  if isTarget { return (t, isHeld ? 0 : -rest * share) }
  return (-.log(rest), isHeld ? 0 : p * share)
}

/// Which negatives DropLoss leaves out (Hsieh et al., AAAI 2021; GOL's `droploss.py`, `threshold_func`): those of tail
/// classes in foreground RoIs, and in background RoIs each with probability 1 − the share of tail classes among the
/// batch's foreground RoIs. Without foreground none is left out.
public struct DropRule: Sendable, Equatable {
  /// Whether each class is tail [C].
  public let isTail: [Bool]
  /// The share of tail classes among the foreground RoIs of the batch; `nil` without foreground.
  public let tailShare: Double?

  /// Takes the share from the labels of a batch.
  public init(isTail: [Bool], labels: [Int32]) {
    self.isTail = isTail
    let foreground = labels.filter { $0 >= 0 }
    tailShare =
      foreground.isEmpty ? nil : Double(foreground.count { isTail[Int($0)] }) / Double(foreground.count)
  }

  /// Whether a negative is left out.
  ///
  /// - Parameters:
  ///   - column: Its class.
  ///   - isForeground: Whether the RoI is foreground.
  ///   - draw: A number from 0 to 1.
  public func drops(column: Int, isForeground: Bool, draw: @autoclosure () -> Double) -> Bool {
    isTail[column] && (isForeground || tailShare.map { draw() > $0 } ?? false)
  }
}

/// Gumbel optimised loss with DropLoss over C classes, divided by all RoIs.
public struct GumbelObjective: WholeBatchObjective, HeadInitializingObjective {
  /// The layout of the logits: a Gumbel activation for each of the C classes.
  public let layout: any LogitLayout
  /// The names of the loss's parts: there is one, `gumbel`.
  public let componentNames = ["gumbel"]
  private let isTail: [Bool]
  private var draws = SeededGenerator(seed: 0)

  /// Makes the objective.
  ///
  /// - Parameter isTail: Whether each class is tail.
  public init(isTail: [Bool]) {
    layout = GumbelLayout(classCount: isTail.count)
    self.isTail = isTail
  }

  /// Weights of .001 and biases of −2, as the authors start.
  public func initialize(_ head: inout LinearHead) {
    for row in 0..<layout.logitCount {
      for column in 0..<head.weight.columns { head.weight[row, column] = 0.001 }
      head.bias[row] = -2
    }
  }

  /// All logits, and the start of the draws: each RoI has its own, whatever the number of threads.
  public mutating func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock] {
    draws = SeededGenerator(seed: generator.next())
    return [LogitBlock(logits: 0..<layout.logitCount)]
  }

  /// The loss of the negatives that stay.
  public func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let rule = DropRule(isTail: isTail, labels: logits.labels)
    return [
      sumOverRows(logits.rowCount, threads: threads) { rows in
        gumbelLoss(
          logits: logits.values, rows: rows, columns: logits.columns, targets: logits.labels,
          divisor: Float(max(1, logits.rowCount))
        ) { row, weights in
          var generator = draws.derived(for: UInt64(row) + 1)
          let isForeground = logits.labels[row] >= 0
          for column in 0..<logits.columns {
            let drops = rule.drops(
              column: column, isForeground: isForeground, draw: Double.random(in: 0..<1, using: &generator))
            weights[column] = drops ? 0 : 1
          }
        }
      }
    ]
  }
}

extension TrainingMethod {
  /// The method `gol`, the Gumbel loss with DropLoss.
  public static let gumbel = TrainingMethod(
    name: "gol", summary: "exp(−exp(−z)) per class in place of a sigmoid, with DropLoss for tail classes",
    source: "Alexandridis et al., ECCV 2022; Hsieh et al., AAAI 2021",
    parameters: [
      .number(
        "lambda", default: 0.0011, in: 0...1, "λ: a class in a smaller share of the images is tail; 0 for no DropLoss")
    ],
    noExampleLoss: "weighs an example by the batch's foreground",
    objective: { data, parameters in
      GumbelObjective(
        isTail: tailClasses(
          imageCounts: data.groups.members.map(\.imageCount), imageCount: data.imageCount,
          threshold: parameters.number("lambda")))
    })
}
