import DenseLinearAlgebra
import DetectionHeads

/// Equalization loss v2: weighted binary cross-entropy over C classes and background, which is trained as one more class
/// of weight 1, Σ / N. The weights are those of the batches before; no gradient flows through them.
///
/// - Parameters:
///   - logits: [rows, C + 1], background last; overwritten by the gradient.
///   - rows: N.
///   - labels: The class of every row, or −1 for background.
///   - balance: The classes' gradients; takes in this batch.
///   - threads: How many threads to use.
/// - Returns: The loss.
public func equalizationLossV2<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Int, labels: [Int32], balance: inout GradientBalance, threads: Int = 1
) -> Double {
  let classCount = balance.ratio.count
  let columns = classCount + 1
  let targets = labels.map { $0 >= 0 ? $0 : Int32(classCount) }
  let weights = balance.weights
  let negativeWeights = weights.negative.map { Scalar($0) } + [1]
  let positiveWeights = weights.positive.map { Scalar($0) } + [1]
  let divisor = Scalar(max(1, rows))
  let loss = sumOverRows(rows, threads: threads) { rows in
    binaryCrossEntropy(
      logits: logits, rows: rows, columns: columns, targets: targets, negativeWeights: negativeWeights,
      positiveWeights: positiveWeights, divisor: divisor)
  }

  var positive = [Double](repeating: 0, count: classCount)
  for (row, label) in labels.enumerated() where label >= 0 {
    positive[Int(label)] -= Double(logits[row * columns + Int(label)]) * Double(divisor)
  }
  var negative = [Scalar](repeating: 0, count: classCount)
  negative.withUnsafeMutableBufferPointer { negative in
    guard let negative = negative.baseAddress else { return }
    inParallel(parts: threads) { part in
      let share = evenSlice(of: classCount, part: part, of: threads)
      for row in 0..<rows {
        // Targets have a gradient below 0.
        let gradient = logits + row * columns
        for column in share { negative[column] += max(0, gradient[column]) }
      }
    }
  }
  balance.add(positive: positive, negative: negative.map { Double($0) * Double(divisor) })
  return loss
}

/// Equalization loss v2 over C classes and background.
public struct EqualizationV2Objective: WholeBatchObjective, StatefulObjective, HeadInitializingObjective {
  /// A sigmoid for each class and for background, background last.
  public let layout: any LogitLayout
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["equalization"]
  /// The gradients that each class has had so far.
  public private(set) var balance: GradientBalance
  private let prior: Double

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - balance: The gradients that each class has had so far; it states the number of classes.
  ///   - prior: The score that every class starts from.
  public init(_ balance: GradientBalance, prior: Double = 0.5) {
    self.balance = balance
    self.prior = prior
    layout = SigmoidLayout(classCount: balance.ratio.count, background: .objectness)
  }

  /// Biases that give every class the prior.
  public func initialize(_ head: inout LinearHead) { head.setBiases(toPrior: prior) }

  /// The loss, and the next weights.
  public mutating func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    [
      equalizationLossV2(
        logits: logits.values, rows: logits.rowCount, labels: logits.labels, balance: &balance, threads: threads)
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
  /// The method `eqlv2`, equalization loss v2 (Tan et al., CVPR 2021).
  public static let equalizationV2 = TrainingMethod(
    name: "eqlv2", summary: "a sigmoid per class, weighted by the gradients each class has had, and one for background",
    source: "Tan et al., CVPR 2021",
    parameters: [
      .number("slope", default: 12, in: 0...1000, "γ: how sharply weights change with the gradients' ratio"),
      .number("middle", default: 0.8, in: -100...100, "μ: the ratio at which negatives weigh a half"),
      .number("boost", default: 4, in: 0...1000, "α: how much more positives can weigh"), .prior(0.5),
    ],
    noExampleLoss: "weighs an example by what earlier batches held",
    objective: { data, parameters in
      var balance = GradientBalance(classCount: data.groups.classCount)
      balance.slope = parameters.number("slope")
      balance.middle = parameters.number("middle")
      balance.boost = parameters.number("boost")
      return EqualizationV2Objective(balance, prior: parameters.number("prior"))
    })
}
