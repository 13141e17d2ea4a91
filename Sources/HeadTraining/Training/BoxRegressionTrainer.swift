import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

/// A box regressor to train beside the classifier, its loss and the factor of the loss.
public struct BoxRegression: Sendable {
  /// The regressor that training starts from.
  public var start: BoxRegressor
  /// The loss between predicted and target deltas.
  public var loss: any BoxLoss
  /// The factor of the loss. The classifier shares no weight with the regressor, so this is the regressor's own
  /// learning rate: GHM-R, whose gradient stays as large near the target, wants a tenth of smooth L1's or less.
  public var lossWeight: Double

  /// Makes it from a regressor, a loss and the factor of the loss.
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
  private(set) var group: ParameterGroup
  private let start: BoxRegressor
  private var loss: any BoxLoss
  private let lossWeight: Double
  private let coder: BoxCoder
  private let optimizer: MomentumSGD
  private let gathered = ScratchBuffer()

  /// - Parameters:
  ///   - regression: Where to start from, and what to minimise.
  ///   - source: The RoIs.
  ///   - settings: How.
  /// - Throws: `LinearHeadError` if regressor and source do not fit each other, or there is no ground truth.
  init(_ regression: BoxRegression, source: any RoISource, settings: TrainingSettings) throws {
    guard regression.start.weight.columns == source.featureCount else {
      throw LinearHeadError(
        .wrongShape,
        "the box regressor takes \(regression.start.weight.columns) features, the RoIs have \(source.featureCount)")
    }
    guard try source.first(.boxes) != nil, try source.first(.groundTruthBoxes) != nil else {
      throw LinearHeadError(
        .missingData, "a box regressor learns from boxes and gt_boxes, and the RoIs do not have both")
    }
    start = regression.start
    group = ParameterGroup(start.parameters)
    loss = regression.loss
    if var decoding = loss as? any DecodingBoxLoss {
      guard start.coder.convention != .mmdetection1 else {
        throw LinearHeadError(.unsupported, "a loss on boxes does not know sizes with the +1 of mmdetection 1")
      }
      decoding.coder = start.coder
      loss = decoding
    }
    lossWeight = regression.lossWeight
    coder = start.coder
    optimizer = MomentumSGD(settings)
  }

  /// The regressor as it is now.
  var regressor: BoxRegressor { start.with(group.parameters) }

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
    let targets = try targets(of: batch, from: source)
    let inputs = gather(targets, from: features)
    var deltas = predictions(for: targets, inputs: inputs)
    let value = loss.backward(
      &deltas, targets: targets.deltas, count: targets.indices.count, batchCount: batch.labels.count)
    for index in deltas.indices { deltas[index] *= Float(lossWeight) }
    setGradient(deltas, of: targets, inputs: inputs)
    return optimizer.step(&group, rate: rate).isFinite ? lossWeight * value : .infinity
  }

  /// The loss of every RoI by itself, 0 for background.
  func losses(of batch: RoIBatch, features: UnsafePointer<Float>, source: any RoISource) throws -> [Float] {
    let targets = try targets(of: batch, from: source)
    let deltas = predictions(for: targets, inputs: gather(targets, from: features))
    return loss.losses(deltas: deltas, targets: targets, count: batch.labels.count)
  }

  /// The targets of a batch, those of a class adjacent where each class has rows of its own.
  private func targets(of batch: RoIBatch, from source: any RoISource) throws -> BoxTargets {
    let targets = try BoxTargets(of: batch, from: source, coder: coder)
    return start.isClassAgnostic ? targets : targets.sortedByClass
  }

  /// The features of the targets' RoIs [P, D], one after another.
  private func gather(_ targets: BoxTargets, from features: UnsafePointer<Float>) -> UnsafePointer<Float> {
    let width = start.inputs
    let inputs = gathered.floats(targets.indices.count * width)
    for (position, index) in targets.indices.enumerated() {
      (inputs + position * width).update(from: features + index * width, count: width)
    }
    return UnsafePointer(inputs)
  }

  /// Runs of targets that share four rows of the weight: all of them, or those of a class.
  private func runs(of targets: BoxTargets) -> [(positions: Range<Int>, firstRow: Int)] {
    let count = targets.indices.count
    if start.isClassAgnostic { return count > 0 ? [(0..<count, 0)] : [] }
    var runs: [(positions: Range<Int>, firstRow: Int)] = []
    var first = 0
    for position in 0..<count where position + 1 == count || targets.classes[position + 1] != targets.classes[position]
    {
      runs.append((first..<position + 1, 4 * targets.classes[position]))
      first = position + 1
    }
    return runs
  }

  /// X Wᵀ + b of every target's four rows, [P, 4].
  private func predictions(for targets: BoxTargets, inputs: UnsafePointer<Float>) -> [Float] {
    let (weight, bias) = (group.parameters[0].values, group.parameters[1].values.storage)
    let width = weight.columns
    var deltas = [Float](repeating: 0, count: 4 * targets.indices.count)
    deltas.withUnsafeMutableBufferPointer { deltas in
      weight.withUnsafeValues { weight in
        guard let deltas = deltas.baseAddress, let weight = weight.baseAddress else { return }
        for run in runs(of: targets) {
          linearLogits(
            features: inputs + run.positions.lowerBound * width, count: run.positions.count, inputs: width,
            weight: weight + run.firstRow * width, bias: Array(bias[run.firstRow..<run.firstRow + 4]),
            into: deltas + 4 * run.positions.lowerBound)
        }
      }
    }
    return deltas
  }

  /// dW = dZᵀ X and db = Σ_rows dZ; 0 for the rows of classes without targets.
  private func setGradient(_ deltas: [Float], of targets: BoxTargets, inputs: UnsafePointer<Float>) {
    let runs = runs(of: targets)
    let (rows, width) = (group.parameters[0].values.rows, start.inputs)
    group.withGradient(ofLayerAt: 0) { gradient in
      gradient.weight.update(repeating: 0, count: rows * width)
      gradient.bias.update(repeating: 0, count: rows)
      deltas.withUnsafeBufferPointer { deltas in
        guard let deltas = deltas.baseAddress else { return }
        for run in runs {
          let ofRun = deltas + 4 * run.positions.lowerBound
          Float.multiply(
            rows: 4, columns: width, inner: run.positions.count, alpha: 1, ofRun, stride: 4, transposed: true,
            inputs + run.positions.lowerBound * width, stride: width, transposed: false, beta: 0,
            into: gradient.weight + run.firstRow * width, stride: width)
          bags_column_sums(ofRun, run.positions.count, 4, 4, gradient.bias + run.firstRow)
        }
      }
    }
  }

  private static let prefix = "box."

  /// The loss's state, for a checkpoint.
  var state: [String: [Double]] {
    Dictionary(uniqueKeysWithValues: loss.state.map { (Self.prefix + $0.key, $0.value) })
  }

  /// Takes weights, momentum and the loss's state back out of a checkpoint.
  ///
  /// - Returns: The state that was not its own.
  /// - Throws: `TrainingError.foreignCheckpoint` if something is missing or does not fit.
  func restore(from checkpoint: TrainingCheckpoint) throws -> [String: [Double]] {
    let own = checkpoint.objectiveState.filter { $0.key.hasPrefix(Self.prefix) }
    try group.restore(from: checkpoint.parameters)
    try loss.restore(
      state: Dictionary(uniqueKeysWithValues: own.map { (String($0.key.dropFirst(Self.prefix.count)), $0.value) }))
    return checkpoint.objectiveState.filter { !$0.key.hasPrefix(Self.prefix) }
  }
}
