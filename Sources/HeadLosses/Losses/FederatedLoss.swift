import DenseLinearAlgebra
import DetectionHeads
import RealModule

/// The classes that a batch's federated loss takes (Zhou et al. 2021, CenterNet2, §4.2; detectron2 `fast_rcnn.py`,
/// `get_fed_loss_classes`): those of the batch and, up to `count` in all, others drawn without replacement with
/// probability ∝ their weight. Background, where the batch has it, counts as one of them.
///
/// - Parameters:
///   - labels: Class indices of the batch, −1 for background.
///   - weights: The weights that probabilities are proportional to [C]: m_c^.5.
///   - count: How many classes to take.
///   - generator: Where the draw comes from.
/// - Returns: For every class whether it is taken.
public func federatedClasses(
  labels: [Int32], weights: [Double], count: Int, using generator: inout some RandomNumberGenerator
) -> [Bool] {
  var isTaken = [Bool](repeating: false, count: weights.count)
  for label in labels where label >= 0 { isTaken[Int(label)] = true }
  let present = isTaken.reduce(labels.contains { $0 < 0 } ? 1 : 0) { $0 + ($1 ? 1 : 0) }
  guard count > present else { return isTaken }
  // The first to come of exponential arrivals at rates w is a draw ∝ w, and so are the next without those before.
  let arrivals = weights.indices.filter { !isTaken[$0] && weights[$0] > 0 }.map { index in
    (time: -Double.log(1 - Double.random(in: 0..<1, using: &generator)) / weights[index], index: index)
  }
  for arrival in arrivals.sorted(by: { ($0.time, $0.index) < ($1.time, $1.index) }).prefix(count - present) {
    isTaken[arrival.index] = true
  }
  return isTaken
}

/// Federated loss: binary cross-entropy on the classes that `federatedClasses` takes, over all RoIs, Σ / N. The last
/// logit, background's, is not trained and has no score.
public struct FederatedObjective: HeadInitializingObjective {
  /// The classes, then the unused background.
  public let layout: any LogitLayout
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["federated"]
  private let samplingWeights: [Double]
  private let count: Int
  private let prior: Double
  private var columnWeights: [Float] = []
  private let ones: [Float]

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - imageCounts: m_c; a class in no image counts as in one.
  ///   - count: Classes a batch.
  ///   - power: The power of m_c that a class is drawn by.
  ///   - prior: The score that every class starts from.
  public init(imageCounts: [Int], count: Int = 50, power: Double = 0.5, prior: Double = 0.01) {
    layout = SigmoidLayout(classCount: imageCounts.count, background: .last)
    samplingWeights = imageCounts.map { .pow(Double(max(1, $0)), power) }
    self.count = count
    self.prior = prior
    ones = Array(repeating: 1, count: imageCounts.count)
  }

  /// Biases that give every class the prior.
  public func initialize(_ head: inout LinearHead) { head.setBiases(toPrior: prior) }

  /// The logits of all classes, and the draw of classes.
  public mutating func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock] {
    columnWeights = federatedClasses(labels: labels, weights: samplingWeights, count: count, using: &generator)
      .map { $0 ? 1 : 0 }
    return [LogitBlock(logits: 0..<layout.classCount)]
  }

  /// BCE on the classes taken.
  public func backward(_ blocks: [BlockLogits], batchCount: Int, threads: Int) -> [Double] {
    blocks.map { logits in
      sumOverRows(logits.rowCount, threads: threads) { rows in
        binaryCrossEntropy(
          logits: logits.values, rows: rows, columns: logits.columns, targets: logits.labels,
          negativeWeights: columnWeights, positiveWeights: ones, divisor: Float(max(1, batchCount)))
      }
    }
  }
}

extension TrainingMethod {
  /// The method `federated`, federated loss (Zhou et al. 2021, CenterNet2).
  public static let federated = TrainingMethod(
    name: "federated", summary: "a sigmoid per class, trained on the classes of the batch and some drawn beside them",
    source: "Zhou et al. 2021 (CenterNet2); detectron2",
    parameters: [
      .integer("classes", default: 50, in: 1...1_000_000, "classes a batch"),
      .number("power", default: 0.5, in: 0...10, "a class is drawn by its images to this power"), .prior(0.01),
    ],
    noExampleLoss: "draws the classes that count for the batch as a whole",
    objective: { data, parameters in
      FederatedObjective(
        imageCounts: data.groups.members.map(\.imageCount), count: parameters.integer("classes"),
        power: parameters.number("power"), prior: parameters.number("prior"))
    })
}
