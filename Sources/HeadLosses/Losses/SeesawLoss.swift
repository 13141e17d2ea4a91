import DenseLinearAlgebra
import DetectionHeads
import RealModule

/// Seesaw loss (Wang et al., CVPR 2021, eq. 4 to 8; mmdetection `seesaw_loss.py`).
///
/// Shapes: N RoIs, F of them foreground, C classes. A class i's RoI lessens its negative gradient on a class j that is
/// rarer (mitigation), and strengthens it on one that it is mistaken for (compensation):
/// z_j ← z_j + log(M_ij F_ij) for j ≠ i, M_ij = min(1, (N_j / N_i)^p), F_ij = max(1, (σ_j / max(σ_i, ε))^q), where σ is
/// the softmax of the plain logits, N_j ≥ 1 the RoIs of a class seen so far, this batch's included. No gradient flows
/// through either factor.
public struct SeesawLoss: Sendable, Equatable {
  /// The power p by which rarer classes are spared; 0 switches mitigation off.
  public var mitigation = 0.8
  /// The power q by which mistakes are answered; 0 switches compensation off.
  public var compensation = 2.0
  /// The least score ε at the label that compensation reckons with.
  public var leastScore = 0.01
  /// The RoIs N_c of each class seen so far [C].
  public var seen: [Double]

  /// Starts with no RoI of any of C classes seen.
  public init(classCount: Int) { seen = Array(repeating: 0, count: classCount) }

  /// Counts the labels of a batch; to be called before its loss.
  ///
  /// - Parameter labels: Class indices; background, −1, is not counted.
  public mutating func count(labels: [Int32]) {
    for label in labels where label >= 0 { seen[Int(label)] += 1 }
  }

  /// Σ_rows of the cross-entropy of the re-weighted logits / divisor, replaced in place by its gradient.
  ///
  /// - Parameters:
  ///   - logits: [rows.upperBound or more, C], of foreground RoIs.
  ///   - rows: The rows that this call takes.
  ///   - targets: The class of every row.
  ///   - divisor: What the sum is divided by; mmdetection takes all sampled RoIs, background included.
  /// - Returns: The part of the loss that comes from `rows`.
  public func classLoss<Scalar: DenseScalar>(
    logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, targets: UnsafePointer<Int32>, divisor: Scalar
  ) -> Double {
    let columns = seen.count
    let logSeen = seen.map { Scalar.log(Scalar(max(1, $0))) }
    let (p, q, logLeast) = (Scalar(mitigation), Scalar(compensation), Scalar.log(Scalar(leastScore)))
    return withUnsafeTemporaryAllocation(of: Scalar.self, capacity: columns) { scratch in
      guard let plain = scratch.baseAddress else { return 0 }
      var loss = 0.0
      for row in rows {
        let z = logits + row * columns
        let target = Int(targets[row])
        plain.initialize(from: z, count: columns)
        // log σ_j − log max(σ_i, ε) = z_j − reference.
        let logSum = Scalar.softmax(plain, count: columns)
        let reference = max(z[target], logSum + logLeast)
        let atTarget = z[target]
        for column in 0..<columns {
          z[column] += p * min(0, logSeen[column] - logSeen[target]) + q * max(0, z[column] - reference)
        }
        z[target] = atTarget
        loss += softmaxCrossEntropy(logits: z, rows: 0..<1, columns: columns, targets: targets + row, divisor: divisor)
      }
      return loss
    }
  }
}

/// Seesaw loss on the classes of foreground RoIs, and a softmax of two logits that tells foreground from background; both
/// divided by all RoIs.
public struct SeesawObjective: StatefulObjective {
  /// The classes, then the two objectness logits.
  public let layout: any LogitLayout
  /// The names of the two parts in lines of metrics.
  public let componentNames = ["classes", "objectness"]
  /// The factors of the loss, with the RoIs seen so far.
  public private(set) var loss: SeesawLoss
  private var foreground: [Int32] = []

  /// Makes the objective from the factors, which state the number of classes.
  public init(_ loss: SeesawLoss) {
    self.loss = loss
    layout = SeesawLayout(classCount: loss.seen.count)
  }

  /// Objectness for all RoIs, the classes for foreground alone.
  public mutating func blocks(labels: [Int32], using generator: inout SeededGenerator) -> [LogitBlock] {
    loss.count(labels: labels)
    foreground = labels.indices.filter { labels[$0] >= 0 }.map { Int32($0) }
    let classCount = loss.seen.count
    let objectness = LogitBlock(logits: classCount..<classCount + 2)
    if foreground.isEmpty { return [objectness] }
    let isWhole = foreground.count == labels.count
    return [objectness, LogitBlock(logits: 0..<classCount, rows: isWhole ? nil : foreground)]
  }

  /// Replaces the logits by the gradients and returns the two cross-entropies.
  public func backward(_ blocks: [BlockLogits], batchCount: Int, threads: Int) -> [Double] {
    var losses = [0.0, 0.0]
    let divisor = Float(max(1, batchCount))
    if let objectness = blocks.first {
      let targets = objectness.labels.map { $0 >= 0 ? Int32(0) : 1 }
      losses[1] = softmaxCrossEntropy(objectness, targets: targets, divisor: divisor, threads: threads)
    }
    if let classes = blocks.dropFirst().first {
      losses[0] = sumOverRows(classes.rowCount, threads: threads) { rows in
        loss.classLoss(logits: classes.values, rows: rows, targets: classes.labels, divisor: divisor)
      }
    }
    return losses
  }

  /// The RoIs seen of each class, for a checkpoint.
  public var state: [String: [Double]] { ["seen": loss.seen] }

  /// Takes back the RoIs seen of each class from a checkpoint.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if they are another method's.
  public mutating func restore(state: [String: [Double]]) throws {
    loss.seen = try state.values("seen", count: loss.seen.count)
  }
}

extension TrainingMethod {
  /// The method `seesaw`, seesaw loss (Wang et al., CVPR 2021).
  public static let seesaw = TrainingMethod(
    name: "seesaw", summary: "softmax whose negative gradients rarer classes are spared, and an objectness of its own",
    source: "Wang et al., CVPR 2021",
    parameters: [
      .number("mitigation", default: 0.8, in: 0...10, "p: how much rarer classes are spared"),
      .number("compensation", default: 2, in: 0...10, "q: how much mistakes are answered"),
    ],
    noExampleLoss: "weighs an example by what earlier batches held",
    objective: { data, parameters in
      var loss = SeesawLoss(classCount: data.groups.classCount)
      loss.mitigation = parameters.number("mitigation")
      loss.compensation = parameters.number("compensation")
      return SeesawObjective(loss)
    })
}
