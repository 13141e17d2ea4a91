import DenseLinearAlgebra
import DetectionHeads

/// The loss on aligned logits: softmax cross-entropy weighted by class, Σ w_target CE / divisor, and its gradients.
///
/// - Parameters:
///   - logits: [rows.upperBound or more, C + 2]: background, the classes, q. In `rows` q is replaced by its gradient, the
///     others by 0, since they are frozen.
///   - rows: The rows that this call takes.
///   - targets: The column of every row's label; 0 is background.
///   - alignment: s and b.
///   - weights: w [C + 1], background first.
///   - divisor: What the sum is divided by: Σ_rows w_target.
///   - gradient: The gradients of s and b; added to.
/// - Returns: The part of the loss that comes from `rows`.
public func alignedCrossEntropy<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, targets: UnsafePointer<Int32>,
  alignment: Alignment<Scalar>, weights: UnsafePointer<Scalar>, divisor: Scalar, gradient: inout Alignment<Scalar>
) -> Double {
  let classCount = alignment.magnitudes.count
  return withUnsafeTemporaryAllocation(of: Scalar.self, capacity: classCount + 1) { scratch in
    guard let aligned = scratch.baseAddress else { return 0 }
    var loss = 0.0
    for row in rows {
      let z = logits + row * (classCount + 2)
      Scalar.sigmoid(z + classCount + 1, count: 1)
      let confidence = z[classCount + 1]
      aligned.initialize(from: z, count: classCount + 1)
      alignment.align(aligned + 1, confidence: confidence)
      loss += softmaxCrossEntropy(
        logits: aligned, rows: 0..<1, columns: classCount + 1, targets: targets + row, weights: weights,
        divisor: divisor)
      var confidenceGradient: Scalar = 0
      for index in 0..<classCount {
        let g = aligned[index + 1]
        let plain = z[index + 1]
        gradient.magnitudes[index] += g * confidence * plain
        gradient.margins[index] += g * confidence
        confidenceGradient += g * (plain * alignment.magnitudes[index] + alignment.margins[index] - plain)
      }
      for column in 0...classCount { z[column] = 0 }
      z[classCount + 1] = confidenceGradient * confidence * (1 - confidence)
    }
    return loss
  }
}

/// DisAlign on a frozen softmax head: the confidence layer, the magnitudes and the margins are trained, nothing else.
/// Classes weigh n^−ρ normalised to C, background 1; the loss is the mean by those weights.
public struct AlignmentObjective: WholeBatchObjective, ParameterizedObjective {
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["disalign"]
  /// The magnitudes s and the margins b.
  public var parameters: [Parameter]
  private let classCount: Int
  private let weights: [Float]

  /// Makes the objective.
  ///
  /// - Parameters:
  ///   - counts: n_c.
  ///   - exponent: ρ.
  public init(counts: [Int], exponent: Double = 0.8) {
    classCount = counts.count
    weights = [1] + ClassWeights.generalized(counts: counts, exponent: exponent).map { Float($0) }
    let start = Alignment<Float>(classCount: counts.count)
    parameters = [
      Parameter("alignment.magnitudes", values: start.magnitudes),
      Parameter("alignment.margins", values: start.margins),
    ]
  }

  /// Background, the classes, the confidence; with s and b as they are now.
  public var layout: any LogitLayout { DisAlignLayout(alignment: alignment) }
  /// The row of the confidence, the only one that is trained.
  public var trainedLogits: Range<Int> { classCount + 1..<classCount + 2 }

  /// The shares of the rows that have a gradient each: so many on any number of threads, for the same sums.
  private static let shares = 16

  private var alignment: Alignment<Float> {
    Alignment(magnitudes: parameters[0].values.storage, margins: parameters[1].values.storage)
  }

  /// The loss; the gradients of s and b are left in `parameters`.
  public mutating func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let targets = logits.labels.map { $0 + 1 }
    let total = targets.reduce(0) { $0 + weights[Int($1)] }
    let alignment = alignment
    let zero = Alignment<Float>(
      magnitudes: Array(repeating: 0, count: classCount), margins: Array(repeating: 0, count: classCount))
    var gradients = Array(repeating: zero, count: Self.shares)
    let losses = gradients.withUnsafeMutableBufferPointer { gradients in
      // Each part has a gradient of its own.
      nonisolated(unsafe) let gradients = gradients
      return sumOverParts(logits.rowCount, parts: Self.shares, threads: threads) { part, rows in
        alignedCrossEntropy(
          logits: logits.values, rows: rows, targets: targets, alignment: alignment, weights: weights,
          divisor: total > 0 ? total : 1, gradient: &gradients[part])
      }
    }
    for index in 0..<classCount {
      parameters[0].gradient[index, 0] = gradients.reduce(0) { $0 + $1.magnitudes[index] }
      parameters[1].gradient[index, 0] = gradients.reduce(0) { $0 + $1.margins[index] }
    }
    return [losses]
  }
}

extension AlignmentObjective: ExampleLossObjective {
  /// The weighted cross-entropy of the aligned logits.
  public func exampleLoss(_ logits: UnsafeMutablePointer<Float>, label: Int32) -> Float {
    var target = label + 1
    Float.sigmoid(logits + classCount + 1, count: 1)
    alignment.align(logits + 1, confidence: logits[classCount + 1])
    return Float(
      softmaxCrossEntropy(
        logits: logits, rows: 0..<1, columns: classCount + 1, targets: &target, weights: weights, divisor: 1))
  }
}

extension TrainingMethod {
  /// The method `disalign` (Zhang et al., CVPR 2021).
  public static let alignment = TrainingMethod(
    name: "disalign", summary: "a magnitude and a margin per class, learnt on a frozen softmax head",
    source: "Zhang et al., CVPR 2021",
    parameters: [.number("exponent", default: 0.8, in: 0...10, "ρ: classes weigh n^−ρ")],
    needsInitialHead: true,
    objective: { data, parameters in
      AlignmentObjective(
        counts: data.groups.members.map(\.instanceCount), exponent: parameters.number("exponent"))
    })
}
