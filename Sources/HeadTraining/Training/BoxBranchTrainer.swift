import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

/// A regression branch to train beside the classification branch of a dense head.
public struct BoxBranchRegression: Sendable {
  /// The branch that training starts from.
  public var start: BoxBranch
  /// The loss between predicted and target deltas.
  public var loss: any BoxLoss
  /// The factor of the loss.
  public var lossWeight: Double
  /// What the loss is divided by where it is a sum over positive anchors, as that of the classes.
  public var normalizer: AnchorNormalizer

  /// Makes it from a branch, a loss, the factor of the loss and its divisor.
  public init(
    start: BoxBranch, loss: any BoxLoss, lossWeight: Double = 1, normalizer: AnchorNormalizer = .positives
  ) {
    self.start = start
    self.loss = loss
    self.lossWeight = lossWeight
    self.normalizer = normalizer
  }
}

/// Trains a regression branch beside the classification branch, on the same maps, on the positive anchors of the same batches
/// and with the same schedule.
///
/// The two share no weight, so neither changes what the other becomes: the gradient's norm is clipped for each by itself,
/// where the frameworks clip them together.
final class BoxBranchTrainer {
  private(set) var group: ParameterGroup
  private let start: BoxBranch
  private var loss: any BoxLoss
  private let lossWeight: Double
  private let normalizer: AnchorNormalizer
  /// The running mean of the positives of a batch.
  private var runningMean = 100.0
  private let source: any AnchorBoxSource
  private let products: AnchorProducts
  private let tower: TowerProducts
  private let optimizer: MomentumSGD

  /// - Parameters:
  ///   - regression: Where to start from, and what to minimise.
  ///   - source: The anchors and their objects.
  ///   - settings: How.
  /// - Throws: `LinearHeadError` if branch and source do not fit each other.
  init(_ regression: BoxBranchRegression, source: any AnchorBoxSource, settings: TrainingSettings) throws {
    start = regression.start
    guard start.channelCount == source.channelCount, start.anchorsPerLocation == source.anchorsPerLocation else {
      throw LinearHeadError(
        .wrongShape,
        "the regression branch takes \(start.channelCount) channels and \(start.anchorsPerLocation) anchors a location, the "
          + "maps have \(source.channelCount) and \(source.anchorsPerLocation)")
    }
    guard start.tower.normGroups != nil else {
      throw LinearHeadError(
        .missingNormGroups, "the detector's file does not say how many groups the GroupNorm of its convolutions has")
    }
    self.source = source
    group = ParameterGroup(start.parameters)
    loss = regression.loss
    if var decoding = loss as? any DecodingBoxLoss {
      decoding.coder = source.anchors.convention.boxCoder
      loss = decoding
    }
    lossWeight = regression.lossWeight
    normalizer = regression.normalizer
    optimizer = MomentumSGD(settings)
    products = AnchorProducts(source: source, channels: start.weight.columns / 9, threads: settings.threads)
    tower = TowerProducts(threads: settings.threads)
  }

  /// The branch as it is now.
  var branch: BoxBranch { start.with(group.parameters) }

  /// Takes one step.
  ///
  /// - Parameters:
  ///   - batch: The anchors.
  ///   - images: Their images, by their positions in the source.
  ///   - maps: The maps of the images.
  ///   - rate: η.
  /// - Returns: The loss before the step; ∞ where its gradient is not finite.
  func step(_ batch: RoIBatch, ofImages images: [Int], maps: PaddedMaps, rate: Double) -> Double {
    let targets = AnchorBoxTargets(of: batch, ofImages: images, from: source)
    let value = setGradients(batch, targets, ofImages: images, maps: maps)
    return optimizer.step(&group, rate: rate).isFinite ? value : .infinity
  }

  /// Forward and backward: leaves the gradients in the parameters, and gives the loss.
  private func setGradients(
    _ batch: RoIBatch, _ targets: AnchorBoxTargets, ofImages images: [Int], maps: PaddedMaps
  ) -> Double {
    let branch = self.branch
    products.take(batch, ofImages: images, maps: tower.forward(branch.tower, maps))
    let blocks = [LogitBlock(logits: 0..<4, rows: targets.indices)]
    guard let deltas = products.forward(blocks, labels: batch.labels, layer: branch.last).first else { return 0 }
    let value = backward(deltas.values, targets, batch)
    group.withGradient(ofLayerAt: 0) { products.backward(into: $0, logitCount: branch.bias.count) }
    if !branch.tower.isEmpty {
      tower.backward(
        branch.tower, outputGradient: products.mapGradient(layer: branch.last), into: &group, from: 2)
    }
    return value
  }

  /// Replaces predicted deltas by the gradient, divided as the loss of the classes is, and gives the loss.
  private func backward(_ deltas: UnsafeMutablePointer<Float>, _ targets: AnchorBoxTargets, _ batch: RoIBatch) -> Double
  {
    let count = targets.indices.count
    let factors = loss.isSum ? factors(of: batch) : batch.images.map { _ in lossWeight }
    var value = 0.0
    if loss.isSum {
      targets.deltas.withUnsafeBufferPointer { wanted in
        guard let wanted = wanted.baseAddress else { return }
        for (position, image) in targets.images.enumerated() {
          value += factors[image] * Double(loss.loss(deltas: deltas + 4 * position, targets: wanted + 4 * position))
        }
      }
      _ = loss.backward(deltas, targets: targets.deltas, count: count, batchCount: 1)
    } else {
      value = lossWeight * loss.backward(deltas, targets: targets.deltas, count: count, batchCount: 1)
    }
    for (position, image) in targets.images.enumerated() {
      for coordinate in 0..<4 { deltas[4 * position + coordinate] *= Float(factors[image]) }
    }
    return value
  }

  /// What the loss of each image's anchors is multiplied by.
  private func factors(of batch: RoIBatch) -> [Double] {
    let positives = batch.images.map { range in Double(batch.labels[range].count { $0 >= 0 }) }
    let all = positives.reduce(0, +)
    func divided(by divisor: Double) -> [Double] { positives.map { _ in lossWeight / max(1, divisor) } }
    switch normalizer {
    case .positives: return divided(by: all)
    case .anchors: return divided(by: Double(batch.labels.count))
    case .imagePositives: return divided(by: positives.reduce(0) { $0 + max(1, $1) })
    case .perImage: return positives.map { lossWeight / (max(1, $0) * Double(max(1, positives.count))) }
    case .running:
      runningMean = 0.9 * runningMean + 0.1 * max(1, all)
      return divided(by: runningMean)
    }
  }

  private static let (prefix, meanName) = ("box.", "positives")

  /// The state of loss and divisor, for a checkpoint.
  var state: [String: [Double]] {
    let all = loss.state.merging(normalizer == .running ? [Self.meanName: [runningMean]] : [:]) { own, _ in own }
    return Dictionary(uniqueKeysWithValues: all.map { (Self.prefix + $0.key, $0.value) })
  }

  /// Takes weights, momentum and state back out of a checkpoint.
  ///
  /// - Returns: The state that was not its own.
  /// - Throws: `TrainingError.foreignCheckpoint` if something is missing or does not fit.
  func restore(from checkpoint: TrainingCheckpoint) throws -> [String: [Double]] {
    let own = checkpoint.objectiveState.filter { $0.key.hasPrefix(Self.prefix) }
    try group.restore(from: checkpoint.parameters)
    var state = Dictionary(uniqueKeysWithValues: own.map { (String($0.key.dropFirst(Self.prefix.count)), $0.value) })
    if normalizer == .running {
      guard let mean = state.removeValue(forKey: Self.meanName), mean.count == 1 else {
        throw TrainingError.foreignCheckpoint("it has no running mean of the positives of box losses")
      }
      runningMean = mean[0]
    }
    try loss.restore(state: state)
    return checkpoint.objectiveState.filter { !$0.key.hasPrefix(Self.prefix) }
  }
}
