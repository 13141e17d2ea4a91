import DenseLinearAlgebra
import DetectionHeads

/// The bins of g = |σ(z) − t| for rows of logits against one-hot targets.
///
/// - Parameters:
///   - logits: [rows.upperBound or more, columns]; unchanged.
///   - rows: The rows that this call takes.
///   - columns: The number of logits a row.
///   - targets: The column whose target is 1, or −1 for none.
///   - edges: The lower edges of the bins, ascending from 0.
///   - bins: [rows.upperBound or more, columns]; the rows in `rows` are overwritten.
///   - counts: [edges.count]; added to.
func binGradients<Scalar: DenseScalar>(
  logits: UnsafePointer<Scalar>, rows: Range<Int>, columns: Int, targets: UnsafePointer<Int32>, edges: [Scalar],
  into bins: UnsafeMutablePointer<UInt8>, counts: UnsafeMutablePointer<Int>
) {
  let binCount = edges.count
  let scale = Scalar(binCount)
  withUnsafeTemporaryAllocation(of: Scalar.self, capacity: columns) { scratch in
    guard let g = scratch.baseAddress else { return }
    for row in rows {
      g.initialize(from: logits + row * columns, count: columns)
      // |σ(z) − 1| = σ(−z), without the loss of digits.
      let target = Int(targets[row])
      if target >= 0 { g[target] = -g[target] }
      Scalar.sigmoid(g, count: columns)
      let rowBins = bins + row * columns
      for column in 0..<columns {
        // A logit that is no number must not end the program here; the trainer finds it in the loss.
        var bin = g[column] >= 0 ? min(binCount - 1, Int(g[column] * scale)) : 0
        // The product may round over an edge.
        if g[column] < edges[bin] {
          bin -= 1
        } else if bin + 1 < binCount && g[column] >= edges[bin + 1] {
          bin += 1
        }
        rowBins[column] = UInt8(truncatingIfNeeded: bin)
        counts[bin] += 1
      }
    }
  }
}

/// GHM-C: binary cross-entropy of every logit, weighted by the rarity of gradients as large as its own (Li et al., AAAI
/// 2019, eq. 8), Σ w BCE / number of logits. No gradient flows through the weights.
///
/// - Parameters:
///   - logits: [rows, columns]; overwritten by the gradient.
///   - rows: N.
///   - columns: The number of logits a row.
///   - targets: The column whose target is 1, or −1 for none.
///   - density: Its counts; takes in this batch.
///   - threads: How many threads to use.
/// - Returns: The loss.
public func harmonizedLoss<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Int, columns: Int, targets: [Int32], density: inout GradientDensity,
  threads: Int = 1
) -> Double {
  let binCount = density.accumulated.count
  let edges = (0..<binCount).map { Scalar($0) / Scalar(binCount) }
  return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(1, rows * columns)) { bins in
    guard let bins = bins.baseAddress, rows > 0 else { return 0 }
    var counts = [Int](repeating: 0, count: binCount * threads)
    counts.withUnsafeMutableBufferPointer { counts in
      guard let counts = counts.baseAddress else { return }
      inParallel(parts: threads) { part in
        binGradients(
          logits: logits, rows: evenSlice(of: rows, part: part, of: threads), columns: columns, targets: targets,
          edges: edges, into: bins, counts: counts + part * binCount)
      }
    }
    let totals = (0..<binCount).map { bin in (0..<threads).reduce(0) { $0 + counts[$1 * binCount + bin] } }
    let weights = density.weights(counts: totals).map { Scalar($0) }
    let divisor = Scalar(rows * columns)
    return sumOverRows(rows, threads: threads) { rows in
      withUnsafeTemporaryAllocation(of: Scalar.self, capacity: columns) { scratch in
        guard let rowWeights = scratch.baseAddress else { return 0 }
        var loss = 0.0
        for row in rows {
          let rowBins = bins + row * columns
          for column in 0..<columns { (rowWeights + column).initialize(to: weights[Int(rowBins[column])]) }
          let target = targets[row]
          loss += binaryCrossEntropyRow(
            logits + row * columns, columns: columns, target: target, negativeWeights: rowWeights,
            positiveWeight: target >= 0 ? rowWeights[Int(target)] : 0, scale: 1 / divisor)
        }
        return loss
      }
    } / Double(divisor)
  }
}

/// GHM-C over C classes, a sigmoid for each; a batch's sum is divided by the number of logits.
public struct HarmonizedObjective: WholeBatchObjective, StatefulObjective, HeadInitializingObjective {
  /// A sigmoid for each class.
  public let layout: any LogitLayout
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["ghm"]
  /// The averaged counts of gradients so far.
  public private(set) var density: GradientDensity
  private let prior: Double

  /// Makes the objective for C foreground classes.
  public init(classCount: Int, bins: Int = 30, momentum: Double = 0.75, prior: Double = 0.5) {
    layout = SigmoidLayout(classCount: classCount)
    density = GradientDensity(bins: bins, momentum: momentum)
    self.prior = prior
  }

  /// Biases that give every class the prior.
  public func initialize(_ head: inout LinearHead) { head.setBiases(toPrior: prior) }

  /// Replaces the logits by the gradient and returns the harmonised loss.
  public mutating func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    [
      harmonizedLoss(
        logits: logits.values, rows: logits.rowCount, columns: logits.columns, targets: logits.labels,
        density: &density, threads: threads)
    ]
  }

  /// The averaged counts, for a checkpoint.
  public var state: [String: [Double]] { ["density": density.accumulated] }

  /// Takes back the averaged counts of a checkpoint.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if they are another method's.
  public mutating func restore(state: [String: [Double]]) throws {
    density.accumulated = try state.values("density", count: density.accumulated.count)
  }
}

extension TrainingMethod {
  /// The method `ghm`, GHM-C (Li, Liu and Wang, AAAI 2019).
  public static let harmonized = TrainingMethod(
    name: "ghm", summary: "a sigmoid per class; RoIs count by the rarity of gradients as large as theirs (GHM-C)",
    source: "Li et al., AAAI 2019",
    parameters: [
      .integer("bins", default: 30, in: 1...255, "bins of gradient length"),
      .number("bin-momentum", default: 0.75, in: 0...0.999999, "momentum of their counts; 0 for none"), .prior(0.5),
    ],
    noExampleLoss: "weighs a RoI by how many others of its batch have gradients like its own",
    objective: { data, parameters in
      HarmonizedObjective(
        classCount: data.groups.classCount, bins: parameters.integer("bins"),
        momentum: parameters.number("bin-momentum"), prior: parameters.number("prior"))
    })
}
