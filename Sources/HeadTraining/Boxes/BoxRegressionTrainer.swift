import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

/// A box regressor to train beside the classifier.
public struct BoxRegression: Sendable {
  /// Where to start from.
  public var start: BoxRegressor
  /// What to minimise.
  public var loss: any BoxLoss
  /// What the loss is multiplied by. The classifier shares no weight with the regressor, so this is the regressor's own
  /// learning rate: GHM-R, whose gradient stays as large near the target, wants a tenth of smooth L1's or less.
  public var lossWeight: Double

  /// Puts them together.
  public init(start: BoxRegressor, loss: any BoxLoss, lossWeight: Double = 1) {
    self.start = start
    self.loss = loss
    self.lossWeight = lossWeight
  }
}

/// Trains a box regressor beside the classifier, on the same RoIs and with the same schedule.
///
/// The two share no weight, so neither changes what the other becomes: the gradient's norm is clipped for each by
/// itself, where the frameworks clip them together.
final class BoxRegressionTrainer {
  private(set) var regressor: BoxRegressor
  private var loss: any BoxLoss
  private let lossWeight: Double
  private let coder: BoxCoder
  private let momentum: Float
  private let weightDecay: Float
  private let clip: Double?
  private var weightVelocity: Matrix<Float>
  private var biasVelocity: [Float]
  private var gradient: Matrix<Float>
  private var biasGradient: [Float]

  /// - Parameters:
  ///   - regression: Where to start from, and what to minimise.
  ///   - source: The RoIs.
  ///   - settings: How.
  /// - Throws: `LinearHeadError` if regressor and source do not fit each other, or there is no ground truth.
  init(_ regression: BoxRegression, source: any RoISource, settings: TrainingSettings) throws {
    guard regression.start.weight.columns == source.featureCount else {
      throw LinearHeadError(
        "the box regressor takes \(regression.start.weight.columns) features, the RoIs have \(source.featureCount)")
    }
    guard try source.first(.boxes) != nil, try source.first(.groundTruthBoxes) != nil else {
      throw LinearHeadError("a box regressor learns from boxes and gt_boxes, and the RoIs do not have both")
    }
    regressor = regression.start
    loss = regression.loss
    lossWeight = regression.lossWeight
    coder = regressor.coder
    momentum = Float(settings.momentum)
    weightDecay = Float(settings.weightDecay)
    clip = settings.gradientClip
    weightVelocity = Matrix(rows: regressor.weight.rows, columns: regressor.weight.columns)
    biasVelocity = Array(repeating: 0, count: regressor.bias.count)
    gradient = weightVelocity
    biasGradient = biasVelocity
  }

  /// Takes one step.
  ///
  /// - Parameters:
  ///   - batch: The RoIs.
  ///   - features: Theirs [N, D].
  ///   - source: Gives proposals and ground truth.
  ///   - rate: η.
  /// - Returns: The loss before the step; ∞ where its gradient is not finite.
  /// - Throws: What the source throws.
  func step(
    _ batch: RoIBatch, features: UnsafePointer<Float>, source: any RoISource, rate: Double
  ) throws -> Double {
    let targets = try BoxTargets(of: batch, from: source, coder: coder)
    var deltas = predictions(for: targets, features: features)
    let value = loss.replaceByGradient(
      &deltas, targets: targets.deltas, count: targets.places.count, batchCount: batch.labels.count)
    for index in deltas.indices { deltas[index] *= Float(lossWeight) }
    accumulate(deltas, of: targets, features: features)
    return update(rate: Float(rate)).isFinite ? lossWeight * value : .infinity
  }

  /// The loss of every RoI by itself, 0 for background.
  func losses(of batch: RoIBatch, features: UnsafePointer<Float>, source: any RoISource) throws -> [Float] {
    let targets = try BoxTargets(of: batch, from: source, coder: coder)
    let deltas = predictions(for: targets, features: features)
    return loss.losses(deltas: deltas, targets: targets, count: batch.labels.count)
  }

  private func predictions(for targets: BoxTargets, features: UnsafePointer<Float>) -> [Float] {
    let inputs = regressor.weight.columns
    return zip(targets.places, targets.classes).flatMap { place, index in
      let deltas = regressor.deltas(feature: features + place * inputs, class: index)
      return (0..<4).map { deltas[$0] }
    }
  }

  private func accumulate(_ deltas: [Float], of targets: BoxTargets, features: UnsafePointer<Float>) {
    let inputs = regressor.weight.columns
    for index in biasGradient.indices { biasGradient[index] = 0 }
    gradient.withUnsafeMutableValues { gradient in
      gradient.update(repeating: 0)
      guard let base = gradient.baseAddress else { return }
      for (position, (place, index)) in zip(targets.places, targets.classes).enumerated() {
        let x = features + place * inputs
        let first = regressor.firstRow(ofClass: index)
        for number in 0..<4 {
          let factor = deltas[4 * position + number]
          biasGradient[first + number] += factor
          let row = base + (first + number) * inputs
          for feature in 0..<inputs { row[feature] += factor * x[feature] }
        }
      }
    }
  }

  /// - Returns: ‖g‖₂ before clipping.
  private func update(rate: Float) -> Double {
    let count = gradient.rows * gradient.columns
    return gradient.withUnsafeValues { gradient in
      guard let gradient = gradient.baseAddress else { return 0 }
      let norm =
        (bags_sum_of_squares(gradient, count) + bags_sum_of_squares(biasGradient, biasGradient.count)).squareRoot()
      let scale = Float(clip.map { min(1, $0 / (norm + 1e-6)) } ?? 1)
      regressor.weight.withUnsafeMutableValues { weight in
        weightVelocity.withUnsafeMutableValues { velocity in
          guard let weight = weight.baseAddress, let velocity = velocity.baseAddress else { return }
          bags_sgd_step(weight, velocity, gradient, count, rate, momentum, weightDecay, scale)
        }
      }
      bags_sgd_step(
        &regressor.bias, &biasVelocity, biasGradient, biasGradient.count, rate, momentum, weightDecay, scale)
      return norm
    }
  }

  private static let prefix = "box."

  /// Weights, momentum and the loss's state, for a checkpoint.
  var state: [String: [Double]] {
    let own = [
      "fc_reg.weight": regressor.weight.storage, "fc_reg.bias": regressor.bias,
      "momentum.fc_reg.weight": weightVelocity.storage, "momentum.fc_reg.bias": biasVelocity,
    ].mapValues { $0.map { Double($0) } }
    return Dictionary(
      uniqueKeysWithValues: own.merging(loss.state) { $1 }.map { (Self.prefix + $0.key, $0.value) })
  }

  /// Takes back what `state` gave, out of a checkpoint's state.
  ///
  /// - Returns: What was not its own.
  /// - Throws: `TrainingError.foreignCheckpoint` if something is missing or does not fit.
  func restore(from state: [String: [Double]]) throws -> [String: [Double]] {
    var own: [String: [Double]] = [:]
    for (name, values) in state where name.hasPrefix(Self.prefix) {
      own[String(name.dropFirst(Self.prefix.count))] = values
    }
    func floats(_ name: String, count: Int) throws -> [Float] {
      guard let values = own.removeValue(forKey: name), values.count == count else {
        throw TrainingError.foreignCheckpoint("it has no \(name) of \(count) numbers")
      }
      return values.map { Float($0) }
    }
    let (rows, columns) = (gradient.rows, gradient.columns)
    regressor.weight = Matrix(
      rows: rows, columns: columns, values: try floats("fc_reg.weight", count: rows * columns))
    regressor.bias = try floats("fc_reg.bias", count: rows)
    weightVelocity = Matrix(
      rows: rows, columns: columns, values: try floats("momentum.fc_reg.weight", count: rows * columns))
    biasVelocity = try floats("momentum.fc_reg.bias", count: rows)
    try loss.restore(state: own)
    return state.filter { !$0.key.hasPrefix(Self.prefix) }
  }
}
