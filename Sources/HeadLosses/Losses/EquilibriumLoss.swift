import DenseLinearAlgebra
import DetectionHeads
import RealModule

/// The mean score of every class at its own instances, as LOCE tracks it (Feng et al., ICCV 2021, eq. 3 to 5;
/// `loce_roi_head.py`, `_update_mean_score`).
///
/// A batch with k instances of class c moves s̄_c ← α^k s̄_c + (1 − α^k) · mean of their scores. Background keeps its
/// own.
public struct MeanScores: Sendable, Equatable {
  /// The mean scores s̄, background first [C + 1].
  public private(set) var values: [Double]
  /// The share α of a mean score that stays after one instance.
  public let momentum: Double

  /// Starts every class at `initial` and background at a score of its own.
  public init(classCount: Int, momentum: Double = 0.9, initial: Double = 0.01, background: Double = 0.01) {
    values = [background] + Array(repeating: initial, count: classCount)
    self.momentum = momentum
  }

  /// Makes mean scores from values that were kept earlier, background first [C + 1].
  public init(values: [Double], momentum: Double = 0.9) {
    self.values = values
    self.momentum = momentum
  }

  /// log s̄, what the loss adds to the logits.
  public var logarithms: [Double] { values.map { .log($0) } }

  /// Takes in a batch.
  ///
  /// - Parameters:
  ///   - classes: The class index of every instance.
  ///   - scores: Its mean score over its RoIs.
  public mutating func update(classes: [Int], scores: [Double]) {
    var sums: [Int: (sum: Double, count: Int)] = [:]
    for (index, score) in zip(classes, scores) {
      let old = sums[index] ?? (0, 0)
      sums[index] = (old.sum + score, old.count + 1)
    }
    for (index, found) in sums {
      let kept = Double.pow(momentum, found.count)
      values[index + 1] = kept * values[index + 1] + (1 - kept) * found.sum / Double(found.count)
    }
  }
}

/// LOCE's equilibrium loss (Feng et al., ICCV 2021, eq. 2; `equilibrium_loss.py`): softmax cross-entropy on
/// z + log s̄, mean over RoIs, scores the plain softmax. s̄ is updated by a batch before its loss, and no gradient flows
/// through it. The paper's memory-augmented features are not part of it.
///
/// The score of an instance is the mean over the RoIs that were matched to it; where the feature set does not tell
/// (`gt_boxes`), every RoI is an instance of its own.
public struct EquilibriumObjective: WholeBatchObjective, StatefulObjective, BatchPreparingObjective {
  /// One softmax over background and the classes, background first.
  public let layout: any LogitLayout
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["equilibrium"]
  /// The mean scores so far.
  public private(set) var meanScores: MeanScores
  private var instances: [Int32] = []

  /// Makes the objective for C foreground classes.
  public init(classCount: Int, momentum: Double = 0.9, backgroundScore: Double = 0.01) {
    layout = SoftmaxLayout(classCount: classCount)
    meanScores = MeanScores(classCount: classCount, momentum: momentum, background: backgroundScore)
  }

  /// Notes which RoIs belong to one instance.
  public mutating func prepare(for batch: BatchContext) throws { instances = try batch.instances() }

  /// Updates s̄, then CE on z + log s̄.
  public mutating func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    updateMeanScores(logits)
    let adjustment = meanScores.logarithms.map { Float($0) }
    let targets = logits.labels.map { $0 + 1 }
    return [
      softmaxCrossEntropy(
        logits, targets: targets, adjustment: adjustment, divisor: Float(max(1, logits.rowCount)), threads: threads)
    ]
  }

  private mutating func updateMeanScores(_ logits: BlockLogits) {
    var found: [Int32: (index: Int, sum: Double, count: Int)] = [:]
    var order: [Int32] = []
    var row = [Float](repeating: 0, count: logits.columns)
    for (position, label) in logits.labels.enumerated() where label >= 0 {
      let score = row.withUnsafeMutableBufferPointer { row in
        guard let row = row.baseAddress else { return 0.0 }
        row.update(from: logits.values + position * logits.columns, count: logits.columns)
        _ = Float.softmax(row, count: logits.columns)
        return Double(row[Int(label) + 1])
      }
      let instance = position < instances.count ? instances[position] : Int32(position)
      if found[instance] == nil { order.append(instance) }
      let old = found[instance] ?? (Int(label), 0, 0)
      found[instance] = (old.index, old.sum + score, old.count + 1)
    }
    let entries = order.compactMap { found[$0] }
    meanScores.update(classes: entries.map(\.index), scores: entries.map { $0.sum / Double($0.count) })
  }

  /// The mean scores, for a checkpoint.
  public var state: [String: [Double]] { ["mean_scores": meanScores.values] }

  /// Takes back the mean scores of a checkpoint.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if they are another method's.
  public mutating func restore(state: [String: [Double]]) throws {
    meanScores = MeanScores(
      values: try state.values("mean_scores", count: meanScores.values.count), momentum: meanScores.momentum)
  }
}

extension TrainingMethod {
  /// The method `loce`, LOCE's equilibrium loss (Feng et al., ICCV 2021).
  public static let equilibrium = TrainingMethod(
    name: "loce", summary: "softmax on z + log of each class's running mean score (LOCE's equilibrium loss)",
    source: "Feng et al., ICCV 2021",
    parameters: [
      .number("score-momentum", default: 0.9, in: 0...0.999999, "α of the running mean, to the power of instances"),
      .number("background-score", default: 0.01, in: 1e-6...1, "the mean score that background is given"),
    ],
    noExampleLoss: "weighs an example by what earlier batches held",
    objective: { data, parameters in
      EquilibriumObjective(
        classCount: data.groups.classCount, momentum: parameters.number("score-momentum"),
        backgroundScore: parameters.number("background-score"))
    })
}
