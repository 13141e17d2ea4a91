import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

/// Mean and standard deviation of every logit of a head over training RoIs.
///
/// - Parameters:
///   - head: The head.
///   - source: The training RoIs, background included.
/// - Returns: The means and the deviations, of n − 1 for n RoIs as in batch normalisation's running variance [K] each.
/// - Throws: What the source throws.
func logitStatistics(of head: LinearHead, on source: any RoISource) throws -> (means: [Double], deviations: [Double]) {
  let (width, columns) = (source.featureCount, head.layout.logitCount)
  let (features, logits) = (ScratchBuffer(), ScratchBuffer())
  var count = 0
  // Welford's sums: those of squares would cancel.
  var means = [Double](repeating: 0, count: columns)
  var squares = means
  for image in 0..<source.imageCount {
    let rows = source.rows(ofImage: image)
    let x = features.floats(rows.count * width)
    let z = logits.floats(rows.count * columns)
    try source.copyFeatures(rows: rows, into: x)
    head.logits(features: x, count: rows.count, into: z)
    for row in 0..<rows.count {
      count += 1
      for column in 0..<columns {
        let value = Double(z[row * columns + column])
        let difference = value - means[column]
        means[column] += difference / Double(count)
        squares[column] += difference * (value - means[column])
      }
    }
  }
  return (means, squares.map { ($0 / Double(max(1, count - 1))).squareRoot() })
}

/// The rows and biases of classes after logit normalisation, LogN: z_c becomes (z_c − μ_c + min_j μ_j) / σ_c (Zhao, Teng
/// and Wang, IJCV 2024; MCG-NJU/LogN `logit_norm_head.py`, `get_statistics`), which is linear in the features.
///
/// - Parameters:
///   - means: μ of the classes [C].
///   - deviations: σ of the classes [C]; the code lets none be below √1e-11.
/// - Returns: What row and bias are multiplied by, and what is added to the bias then [C] each.
public func logitNormalization(means: [Double], deviations: [Double]) -> (factors: [Double], shifts: [Double]) {
  let least = means.min() ?? 0
  let factors = deviations.map { 1 / max($0, 1e-11.squareRoot()) }
  return (factors, zip(means, factors).map { (least - $0) * $1 })
}

extension LinearHead {
  /// The head with the logits of its classes normalised by their mean and deviation over the training RoIs, LogN; that of
  /// background stays. A linear layer stays an ordinary one. The authors' own heads are normed linear layers, in which the
  /// length of a row has no effect: such a head gets fixed scales of its logits.
  ///
  /// Background's logit must be of the size of the classes' for this to do any good, as the temperature of a normed layer
  /// sees to; the deviations of a linear layer's logits can be many times 1, and dividing by them leaves the classes
  /// behind background.
  ///
  /// The authors keep running statistics with momentum 1e-4 over an epoch of training batches with the weights frozen;
  /// here they are those of all training RoIs at once (our reading), which is what the running ones tend to.
  ///
  /// - Parameter source: The training RoIs, background included.
  /// - Throws: `LinearHeadError` if it is no softmax head, or takes other features; what the source throws.
  public func logitNormalized(on source: any RoISource) throws -> LinearHead {
    guard layout.unnormed is SoftmaxLayout else {
      throw LinearHeadError(
        .unsupported, "LogN normalises the logits of one softmax layer; a \(layout.name) head has none")
    }
    guard source.featureCount == inputs else {
      throw LinearHeadError(.wrongShape, "it takes \(inputs) features, the RoIs have \(source.featureCount)")
    }
    let (means, deviations) = try logitStatistics(of: self, on: source)
    let rows = (0..<layout.classCount).map { layout.logit(ofClass: $0) }
    let (factors, shifts) = logitNormalization(
      means: rows.map { means[$0] }, deviations: rows.map { deviations[$0] })
    if layout is NormedLayout {
      var bias = bias
      for (index, row) in rows.enumerated() { bias[row] += Float(shifts[index] / factors[index]) }
      let scaled = ScaledLayout(scales: [1] + factors.map { Float($0) })
      return try LinearHead(
        weight: weight, bias: bias, hidden: hidden, layout: scaled.normed(like: layout), groups: groups, method: method)
    }
    var head = self
    for (index, row) in rows.enumerated() {
      for column in 0..<inputs { head.weight[row, column] *= Float(factors[index]) }
      head.bias[row] = Float(Double(bias[row]) * factors[index] + shifts[index])
    }
    return head
  }
}

extension CalibrationMethod {
  /// The calibration `logn`, by the mean and the deviation of every class's logit.
  public static let logitNormalization = CalibrationMethod(
    name: "logn", summary: "the logits of each class normalised by their mean and deviation over the training RoIs",
    source: "Zhao et al., IJCV 2024", needsFeatures: true,
    work: .formula { head, _, source in
      guard let source else { throw TrainingRecipeError(.missingInput, "logn needs the training RoIs") }
      return try head.logitNormalized(on: source)
    })
}
