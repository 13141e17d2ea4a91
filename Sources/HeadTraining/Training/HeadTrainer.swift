import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses

/// Trains the last layer of a detector's classifier on cached RoI features.
///
/// Each step draws its random numbers from the seed and its own number, so a run can go on from any step.
public final class HeadTrainer {
  /// The head as it is now.
  public private(set) var head: LinearHead
  /// The steps taken so far.
  public private(set) var stepsTaken = 0
  /// How it is trained.
  public let settings: TrainingSettings
  /// The steps of one epoch.
  public let stepsPerEpoch: Int
  /// The rate of every step.
  public let schedule: LearningRateSchedule

  /// Sums since the last line of metrics, and since the epoch began.
  var lineSums: MetricsSums
  /// Time since the last line of metrics, while it ran.
  var lineTime = Duration.zero
  private(set) var epochSums: MetricsSums

  private var objective: any HeadObjective
  private var optimizer: MomentumSGD
  private let source: any RoISource
  private let products: BlockProducts
  private let cosines: CosineProducts?
  private let othersLogits: Set<Int>
  private let miner: RoIMiner?
  private let hiddenProducts: HiddenLayerProducts?
  private let boxTrainer: BoxRegressionTrainer?
  private let batchFeatures = ScratchBuffer()
  private var imageStream: ImageStream
  private var bytesTouched = 0
  private var epochOrder: (epoch: Int, images: [Int])?

  /// Prepares training.
  ///
  /// - Parameters:
  ///   - head: Where to start from; its layout is the objective's.
  ///   - objective: What to minimise.
  ///   - source: The RoIs; labels are class indices of the head's groups.
  ///   - settings: How.
  ///   - sampler: Which images an epoch visits; each once unless given.
  ///   - selector: Which RoIs of a batch get a gradient; all unless given.
  ///   - boxRegression: A box regressor to train beside; none unless given.
  /// - Throws: `LinearHeadError` if head, objective and source do not fit each other, or the selector needs what they do
  ///   not have.
  public init(
    head: LinearHead, objective: any HeadObjective, source: any RoISource, settings: TrainingSettings,
    sampler: (any ImageSampler)? = nil, selector: (any RoISelector)? = nil, boxRegression: BoxRegression? = nil
  ) throws {
    guard head.inputs == source.featureCount else {
      throw LinearHeadError("the head takes \(head.inputs) features, the RoIs have \(source.featureCount)")
    }
    guard head.layout.name == objective.layout.name, head.bias.count == objective.layout.logitCount else {
      throw LinearHeadError("a head of layout \(head.layout.name) cannot be trained as \(objective.layout.name)")
    }
    guard head.hidden.isEmpty && head.layout.stageCount == 1 || Self.canBeDeep(objective) else {
      throw LinearHeadError(
        "hidden layers and stages need logits that are linear in the features, and a loss that trains all of them")
    }
    guard boxRegression == nil || (head.hidden.isEmpty && head.layout.stageCount == 1) else {
      throw LinearHeadError("a box regressor is trained beside one linear layer, not beside hidden layers or stages")
    }
    guard source.imageCount > 0 else { throw LinearHeadError("there are no RoIs to train on") }
    self.head = head
    self.objective = objective
    self.source = source
    self.settings = settings
    imageStream = ImageStream(
      sampler ?? EveryImage(imageCount: source.imageCount), imageCount: source.imageCount,
      seed: SeededGenerator(seed: settings.seed).derived(for: 1), blockLength: Self.blockLength(source, settings))
    let stepsPerEpoch = settings.stepsPerEpoch(imageCount: source.imageCount)
    self.stepsPerEpoch = stepsPerEpoch
    schedule = LearningRateSchedule(
      base: settings.learningRate, milestones: settings.milestones.map { $0 * stepsPerEpoch },
      warmupSteps: min(settings.warmupSteps, stepsPerEpoch))
    optimizer = MomentumSGD(
      for: head, momentum: settings.momentum, weightDecay: settings.weightDecay, clip: settings.gradientClip)
    products = BlockProducts(threads: settings.threads)
    hiddenProducts =
      head.hidden.isEmpty ? nil : HiddenLayerProducts(layerCount: head.hidden.count, threads: settings.threads)
    othersLogits = Set(head.layout.othersLogits)
    cosines = head.layout.product == .cosine ? CosineProducts(threads: settings.threads) : nil
    let boxTrainer = try boxRegression.map { try BoxRegressionTrainer($0, source: source, settings: settings) }
    self.boxTrainer = boxTrainer
    miner = try selector.map {
      try RoIMiner($0, objective: objective, source: source, boxTrainer: boxTrainer, threads: settings.threads)
    }
    lineSums = MetricsSums(componentCount: objective.componentNames.count + (boxTrainer == nil ? 0 : 1))
    epochSums = lineSums
  }

  /// The box regressor as it is now; `nil` where none is trained.
  public var boxRegressor: BoxRegressor? { boxTrainer?.regressor }

  /// The steps of the whole training.
  public var stepCount: Int { stepsPerEpoch * settings.epochs }

  /// Whether an objective can train layers below the classifier, and several stages.
  public static func canBeDeep(_ objective: any HeadObjective) -> Bool {
    objective.layout.product == .linear && objective.ownParameters == nil
      && objective.trainedLogits == 0..<objective.layout.logitCount
  }

  /// RoIs a batch, on average.
  public var meanBatchCount: Double {
    let last = source.imageCount - 1
    let rois = source.rows(ofImage: last).upperBound - source.rows(ofImage: 0).lowerBound
    return Double(rois) / Double(stepsPerEpoch)
  }

  /// The names of the parts of the loss; `box` last, where a box regressor is trained.
  public var componentNames: [String] { objective.componentNames + (boxTrainer == nil ? [] : ["box"]) }

  /// Takes the next step.
  ///
  /// - Returns: What it found.
  /// - Throws: What the source throws.
  public func step() throws -> TrainingStep {
    var (batch, batchFeatures) = try nextBatch()
    // The products share out the threads themselves.
    let previousThreads = OpenBLAS.threadCount
    OpenBLAS.threadCount = 1
    defer { OpenBLAS.threadCount = previousThreads }

    if let miner {
      batch.progress = Double(stepsTaken) / Double(stepCount)
      var generator = stepGenerator(purpose: 3, number: stepsTaken)
      try miner.reduce(&batch, features: batchFeatures, head: head, objective: objective, using: &generator)
    }
    let rate = schedule.rate(atStep: stepsTaken)
    let boxLoss = try boxTrainer?.step(batch, features: batchFeatures, source: source, rate: rate)
    var generator = stepGenerator(purpose: 2, number: stepsTaken)
    try objective.startBatch(BatchContext(epoch: stepsTaken / stepsPerEpoch, rois: batch, source: source))
    let blocks = objective.blocks(labels: batch.labels, using: &generator)
    let normalized = cosines?.normalize(head)
    let features =
      cosines?.normalize(batchFeatures, count: batch.labels.count, inputs: head.inputs)
      ?? hiddenProducts?.forward(head.hidden, features: batchFeatures, count: batch.labels.count)
      ?? batchFeatures
    let logits = products.forward(blocks, features: features, labels: batch.labels, head: normalized ?? head)
    let losses = objective.replaceLogitsByGradient(
      logits, batchCount: batch.labels.count, threads: settings.threads)
    let gradient = products.backward(head: normalized ?? head, trained: objective.trainedLogits)
    let hiddenGradients =
      hiddenProducts.map { products in
        products.backward(
          head.hidden, outputGradient: self.products.featureGradient(head: head, batchCount: batch.labels.count))
      } ?? []
    if let normalized { cosines?.project(gradient, normalized: normalized, head: head) }
    let norm = takeOptimizerStep(gradient, hidden: hiddenGradients, rate: rate)
    let result = TrainingStep(
      number: stepsTaken, epoch: stepsTaken / stepsPerEpoch, learningRate: rate,
      losses: losses + (boxLoss.map { [$0] } ?? []),
      gradientNorm: norm, roiCount: batch.labels.count,
      foregroundCount: batch.labels.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) },
      keptRowCounts: blocks.map { $0.rowCount(batchCount: batch.labels.count) },
      groupRowCount: blocks.reduce(0) {
        $0 + (othersLogits.contains($1.logits.lowerBound) ? $1.rowCount(batchCount: batch.labels.count) : 0)
      })
    if stepsTaken % stepsPerEpoch == 0 { epochSums = MetricsSums(componentCount: componentNames.count) }
    lineSums.add(result)
    epochSums.add(result)
    stepsTaken += 1
    return result
  }

  private func takeOptimizerStep(_ gradient: HeadGradient, hidden: [HeadGradient], rate: Double) -> Double {
    var own = objective.ownParameters
    let norm = optimizer.step(
      &head, own: &own, gradient: gradient, hiddenGradients: hidden, trained: objective.trainedLogits, rate: rate,
      threads: settings.threads)
    if let own {
      objective.ownParameters = own
      head.layout = objective.layout
    }
    return norm
  }

  /// Everything needed to go on from here.
  public func checkpoint() -> TrainingCheckpoint {
    TrainingCheckpoint(
      stepsTaken: stepsTaken, weight: head.weight, bias: head.bias, weightVelocity: optimizer.weightVelocity,
      biasVelocity: optimizer.biasVelocity, hidden: head.hidden, hiddenVelocity: optimizer.hiddenVelocity,
      objectiveState: objective.state.merging(boxTrainer?.state ?? [:]) { $1 }, lineSums: lineSums,
      epochSums: epochSums)
  }

  /// Goes on from a checkpoint of the same training.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if its shapes or steps do not fit.
  public func restore(_ checkpoint: TrainingCheckpoint) throws {
    let columns = head.weight.columns
    guard checkpoint.weight.rows == head.weight.rows, checkpoint.weight.columns == columns,
      checkpoint.weightVelocity.rows == head.weight.rows, checkpoint.weightVelocity.columns == columns,
      checkpoint.bias.count == head.bias.count, checkpoint.biasVelocity.count == head.bias.count,
      checkpoint.hidden.map(\.inputs) == head.hidden.map(\.inputs),
      checkpoint.hidden.map(\.outputs) == head.hidden.map(\.outputs),
      checkpoint.hiddenVelocity.map(\.inputs) == head.hidden.map(\.inputs),
      checkpoint.hiddenVelocity.map(\.outputs) == head.hidden.map(\.outputs)
    else { throw TrainingError.foreignCheckpoint("its weight has another shape") }
    guard (0...stepCount).contains(checkpoint.stepsTaken),
      checkpoint.lineSums.losses.count == componentNames.count,
      checkpoint.epochSums.losses.count == componentNames.count
    else { throw TrainingError.foreignCheckpoint("its steps or loss are another training's") }
    try objective.restore(
      state: try boxTrainer?.restore(from: checkpoint.objectiveState) ?? checkpoint.objectiveState)
    head.layout = objective.layout
    head.weight = checkpoint.weight
    head.bias = checkpoint.bias
    optimizer.weightVelocity = checkpoint.weightVelocity
    optimizer.biasVelocity = checkpoint.biasVelocity
    head.hidden = checkpoint.hidden
    optimizer.hiddenVelocity = checkpoint.hiddenVelocity
    stepsTaken = checkpoint.stepsTaken
    lineSums = checkpoint.lineSums
    epochSums = checkpoint.epochSums
  }

  /// The RoIs of the next images of this epoch's order, and their features.
  private func nextBatch() throws -> (RoIBatch, features: UnsafeMutablePointer<Float>) {
    let epoch = stepsTaken / stepsPerEpoch
    if epochOrder?.epoch != epoch { epochOrder = (epoch, imageStream.images(ofEpoch: epoch)) }
    let first = stepsTaken % stepsPerEpoch * settings.imagesPerBatch
    let images = (epochOrder?.images ?? [])[first...].prefix(settings.imagesPerBatch)
    let ranges = images.map { source.rows(ofImage: $0) }
    let batch = RoIBatch(images: ranges, of: source)
    let isStreamed = source.featureByteCount > settings.memoryLimit
    if isStreamed { prefetch((epochOrder?.images ?? [])[first...].dropFirst(4 * settings.imagesPerBatch)) }
    let features = try gatherFeatures(ranges, count: batch.labels.count)
    if isStreamed { releasePages(afterReading: ranges) }
    return (batch, features)
  }

  /// Four batches ahead: the disk works while these multiply.
  private func prefetch(_ ahead: ArraySlice<Int>) {
    for image in ahead.prefix(settings.imagesPerBatch) { source.prefetch(rows: source.rows(ofImage: image)) }
  }

  /// Lets go of what was read when it may have reached the limit: each image touches its own pages, and the system maps
  /// up to 64 KiB on either side with them.
  private func releasePages(afterReading ranges: [Range<Int>]) {
    let rowBytes = source.featureByteCount / max(1, source.rows(ofImage: source.imageCount - 1).upperBound)
    bytesTouched += ranges.reduce(0) { $0 + $1.count * rowBytes + (2 << 16) }
    if bytesTouched > settings.memoryLimit / 2 {
      source.releasePages()
      bytesTouched = 0
    }
  }

  /// Images a block of about 16 MB, where the features are larger than the memory that they may take.
  private static func blockLength(_ source: any RoISource, _ settings: TrainingSettings) -> Int? {
    guard source.featureByteCount > settings.memoryLimit else { return nil }
    return max(1, 16 << 20 / max(1, source.featureByteCount / source.imageCount))
  }

  /// Copies the features of an image after the other, the images shared out among threads.
  private func gatherFeatures(_ ranges: [Range<Int>], count: Int) throws -> UnsafeMutablePointer<Float> {
    let width = source.featureCount
    let features = batchFeatures.floats(count * width)
    var starts: [Int] = []
    var next = 0
    for range in ranges {
      starts.append(next)
      next += range.count
    }
    var errors = [(any Error)?](repeating: nil, count: settings.threads)
    errors.withUnsafeMutableBufferPointer { errors in
      inParallel(parts: settings.threads) { part in
        do {
          for index in evenSlice(of: ranges.count, part: part, of: settings.threads) {
            try source.copyFeatures(rows: ranges[index], into: features + starts[index] * width)
          }
        } catch {
          errors[part] = error
        }
      }
    }
    if let error = errors.lazy.compactMap({ $0 }).first { throw error }
    return features
  }

  private func stepGenerator(purpose: UInt64, number: Int) -> SeededGenerator {
    SeededGenerator(seed: settings.seed).derived(for: purpose).derived(for: UInt64(number) &+ 1)
  }
}

/// What one step of training found.
public struct TrainingStep: Sendable {
  /// The step, from 0.
  public let number: Int
  /// The epoch, from 0.
  public let epoch: Int
  /// η of this step.
  public let learningRate: Double
  /// The parts of the loss before the step, in the order of `componentNames`.
  public let losses: [Double]
  /// ‖g‖₂ of the classifier before clipping.
  public let gradientNorm: Double
  /// N, the RoIs of the batch that were trained on.
  public let roiCount: Int
  /// How many of them are foreground.
  public let foregroundCount: Int
  /// The RoIs that each block of logits took.
  public let keptRowCounts: [Int]
  /// The rows that groups with `others` took, over all of them; 0 for methods without.
  public let groupRowCount: Int

  /// The loss.
  public var loss: Double { losses.reduce(0, +) }
}
