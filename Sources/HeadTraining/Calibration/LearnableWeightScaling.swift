import DenseLinearAlgebra
import DetectionHeads
import HeadLosses

/// Learnable weight scaling (Kang et al., ICLR 2020, eq. 7; classifier-balancing `TauNormClassifier.py`): the logits of a
/// frozen softmax head, biases included, are multiplied by one learnt scale each.
///
/// The port in eqlv2 (`lws_layer.py`) scales the weights and leaves the biases. Background's logit has a scale like the
/// others, as in that port; the classification code has no background.
///
/// - Parameters:
///   - logits: z [rows.upperBound or more, s.count]; the rows in `rows` are overwritten, since the head is frozen.
///   - rows: The rows that this call takes.
///   - targets: The target logit of every row.
///   - scales: s.
///   - divisor: What the sum is divided by.
///   - gradient: dLoss/ds; added to.
/// - Returns: The part of the loss, softmax cross-entropy of s z, that comes from `rows`.
package func scaledCrossEntropy<Scalar: DenseScalar>(
  logits: UnsafeMutablePointer<Scalar>, rows: Range<Int>, targets: UnsafePointer<Int32>, scales: [Scalar],
  divisor: Scalar, gradient: inout [Scalar]
) -> Double {
  let count = scales.count
  return withUnsafeTemporaryAllocation(of: Scalar.self, capacity: max(1, count)) { scratch in
    guard let scaled = scratch.baseAddress else { return 0 }
    var loss = 0.0
    for row in rows {
      let z = logits + row * count
      for index in 0..<count { (scaled + index).initialize(to: z[index] * scales[index]) }
      loss += softmaxCrossEntropy(
        logits: scaled, rows: 0..<1, columns: count, targets: targets + row, divisor: divisor)
      addScaleGradient(of: scaled, logits: z, to: &gradient)
    }
    return loss
  }
}

/// dLoss/ds of one row, from that of s z: g z.
///
/// - Parameters:
///   - scaled: g [s.count], the gradient of the scaled logits.
///   - logits: z [s.count].
///   - gradient: dLoss/ds; added to.
package func addScaleGradient<Scalar: DenseScalar>(
  of scaled: UnsafePointer<Scalar>, logits: UnsafePointer<Scalar>, to gradient: inout [Scalar]
) {
  for index in gradient.indices { gradient[index] += scaled[index] * logits[index] }
}

/// Trains the scales; weight and bias stay as they are.
package struct WeightScalingObjective: WholeBatchObjective, ParameterizedObjective {
  /// The name of the loss's only part in lines of metrics.
  public let componentNames = ["lws"]
  /// The scales s, one for background and each class.
  public var parameters: [Parameter]

  /// Makes the objective for C foreground classes; all scales start at 1.
  public init(classCount: Int) {
    parameters = [Parameter("scales", values: Array(repeating: 1, count: classCount + 1))]
  }

  /// Background and the classes, with the scales as they are now.
  public var layout: any LogitLayout { ScaledLayout(scales: parameters[0].values.storage) }
  /// No rows: weight and bias stay as they are.
  public var trainedLogits: Range<Int> { 0..<0 }

  /// The shares of the rows that have a gradient each: so many on any number of threads, for the same sums.
  private static let shares = 16

  /// CE of the scaled logits, mean over RoIs; the gradient of the scales is left in `parameters`.
  public mutating func backward(_ logits: BlockLogits, threads: Int) -> [Double] {
    let targets = logits.labels.map { $0 + 1 }
    let scales = parameters[0].values.storage
    var gradients = Array(repeating: [Float](repeating: 0, count: scales.count), count: Self.shares)
    let loss = gradients.withUnsafeMutableBufferPointer { gradients in
      // Each part has a gradient of its own.
      nonisolated(unsafe) let gradients = gradients
      return sumOverParts(logits.rowCount, parts: Self.shares, threads: threads) { part, rows in
        scaledCrossEntropy(
          logits: logits.values, rows: rows, targets: targets, scales: scales,
          divisor: Float(max(1, logits.rowCount)), gradient: &gradients[part])
      }
    }
    for index in scales.indices { parameters[0].gradient[index, 0] = gradients.reduce(0) { $0 + $1[index] } }
    return [loss]
  }
}

extension LinearHead {
  /// An ordinary softmax head that gives the same logits as this scaled one: row and bias times the scale.
  package func foldingScales() throws -> LinearHead {
    guard let layout = layout as? ScaledLayout else { return self }
    var (weight, bias) = (weight, bias)
    for (row, scale) in layout.scales.enumerated() {
      bias[row] *= scale
      for column in 0..<inputs { weight[row, column] *= scale }
    }
    return try LinearHead(
      weight: weight, bias: bias, layout: SoftmaxLayout(classCount: layout.classCount), groups: groups, method: method)
  }
}

extension TrainingMethod {
  /// The training of the scales, on a softmax head that stays as it is; its results are heads for LWS alone, so users do
  /// not choose it by name.
  static let weightScaling = TrainingMethod(
    name: "lws", summary: "a scale per class on a frozen softmax head", source: "Kang et al., ICLR 2020",
    parameters: [], needsInitialHead: true,
    objective: { data, _ in WeightScalingObjective(classCount: data.groups.classCount) })
}

extension CalibrationMethod {
  /// LWS: the scales are learnt on class-balanced images and then folded into the head, an ordinary softmax head. The
  /// anchors of a dense head share them.
  public static let weightScaling = CalibrationMethod(
    name: "lws", summary: "one scale per class, learnt on class-balanced images with the head frozen",
    source: "Kang et al., ICLR 2020", parameters: [.epochs(4), .learningRate(0.1)], needsFeatures: true,
    work: .training(
      { head, _ in
        guard head.layout.ofOneAnchor is SoftmaxLayout else {
          throw LinearHeadError(
            .unsupported, "LWS scales the logits of one softmax; a \(head.layout.name) head has none")
        }
        return TrainingRecipe(
          MethodChoice(name: TrainingMethod.weightScaling.name),
          sampler: MethodChoice(name: ImageSamplingMethod.classBalanced.name))
      }, finish: { try $0.mappingAnchors { try $0.foldingScales() } }))
}
