import Communication
import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import LVISDatasets

/// Trains the last layer of a detector's classifier on cached RoI features.
///
/// Each step draws its random numbers from the seed and its own number, so a run can go on from any step.
public final class HeadTrainer {
  /// The head as it is now.
  public var head: LinearHead {
    LinearHead(
      parameters: classifier.parameters.prefix(headParameterCount), tower: startTower,
      layout: objective.layout.normed(like: startLayout).anchored(like: startLayout),
      groups: groups, method: method)
  }
  /// The number of steps taken so far.
  public internal(set) var stepsTaken = 0
  /// The settings of the training.
  public let settings: TrainingSettings
  /// The number of steps of one epoch.
  public let stepsPerEpoch: Int
  /// The learning rate of every step.
  public let schedule: LearningRateSchedule

  /// Where the time of the steps went that this trainer took.
  public internal(set) var times = StepTimes()

  /// Sums since the last line of metrics, and since the epoch began.
  var lineSums: MetricsSums
  /// Time since the last line of metrics, while it ran.
  var lineTime = Duration.zero
  var epochSums: MetricsSums

  var objective: any HeadObjective
  /// The parameters of the head, then those of the loss.
  var classifier: ParameterGroup
  let headParameterCount: Int
  /// The layout of the head that training began with, which says whether the layer is a normed one.
  private let startLayout: any LogitLayout
  /// The convolutions below the last one of a dense head, as training began with them: their number and kind.
  private let startTower: ConvolutionTower
  private let groups: CategoryGroups
  private let method: String
  let optimizer: MomentumSGD
  let source: any RoISource
  let products: BlockProducts
  let cosines: CosineProducts?
  private let othersLogits: Set<Int>
  private let miner: RoIMiner?
  let hiddenProducts: HiddenLayerProducts?
  let boxTrainer: BoxRegressionTrainer?
  let branchTrainer: BoxBranchTrainer?
  let adversary: (any FeatureAdversary)?
  /// The products of a dense head; `nil` where examples have features of their own.
  let anchors: AnchorProducts?
  let mapReader: MapReader?
  let towerProducts: TowerProducts?
  /// What the last convolution of a dense head sees of the present batch.
  var maps = PaddedMaps(channelCount: 1)
  /// The images of the present batch.
  var batchImages: [Int] = []
  let batchFeatures = ScratchBuffer()
  let extendedFeatures = ScratchBuffer()
  /// Cuts batches into shards; `nil` where the settings do not.
  private(set) var sharing: StepSharing?
  var shardHidden: [HiddenLayerProducts] = []
  let hiddenSums = ShardSums()
  var nodeGradients: [ScratchBuffer] = []
  var imageStream: ImageStream
  var bytesTouched = 0
  var epochOrder: (epoch: Int, images: [Int])?

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
  ///   - boxBranch: The regression branch of a dense head to train beside; none unless given.
  /// - Throws: `LinearHeadError` if head, objective and source do not fit each other, or the selector needs what they do
  ///   not have.
  public convenience init(
    head: LinearHead, objective: any HeadObjective, source: any RoISource, settings: TrainingSettings,
    sampler: (any ImageSampler)? = nil, selector: (any RoISelector)? = nil, boxRegression: BoxRegression? = nil,
    boxBranch: BoxBranchRegression? = nil
  ) throws {
    try self.init(
      head: head, objective: objective, source: source, settings: settings, sampler: sampler, selector: selector,
      boxRegression: boxRegression, boxBranch: boxBranch, adversary: nil)
  }

  /// Prepares training with an adversary that makes the features of batches harder; `nil` for none.
  init(
    head: LinearHead, objective: any HeadObjective, source: any RoISource, settings: TrainingSettings,
    sampler: (any ImageSampler)?, selector: (any RoISelector)?, boxRegression: BoxRegression?,
    boxBranch: BoxBranchRegression?, adversary: (any FeatureAdversary)?
  ) throws {
    try Self.check(
      head: head, objective: objective, source: source, settings: settings, boxRegression: boxRegression,
      hasAdversary: adversary != nil)
    let anchorSource = source as? any AnchorSource
    anchors = anchorSource.map {
      AnchorProducts(source: $0, channels: head.weight.columns / 9, threads: settings.threads)
    }
    mapReader = anchorSource.map { MapReader($0, threads: settings.threads) }
    towerProducts = head.tower.isEmpty ? nil : TowerProducts(threads: settings.threads)
    startTower = head.tower
    let ownParameters = (objective as? any ParameterizedObjective)?.parameters ?? []
    classifier = ParameterGroup(head.parameters + ownParameters)
    headParameterCount = classifier.parameters.count - ownParameters.count
    // The loss of an anchor speaks of its own rows alone; those of all anchors are trained.
    let isFrozen = objective.trainedRows.isEmpty
    let trainedRows = anchorSource == nil || isFrozen ? objective.trainedRows : 0..<head.bias.count
    for index in 0..<2 { classifier.parameters[index].trainedRows = trainedRows }
    groups = head.groups
    method = head.method
    startLayout = head.layout
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
    optimizer = MomentumSGD(settings)
    products = BlockProducts(threads: settings.threads, precision: settings.precision)
    hiddenProducts =
      head.hidden.isEmpty ? nil : HiddenLayerProducts(layerCount: head.hidden.count, threads: settings.threads)
    othersLogits = Set(head.layout.othersLogits)
    cosines = CosineProducts(head.layout.product, threads: settings.threads)
    let boxTrainer = try boxRegression.map { try BoxRegressionTrainer($0, source: source, settings: settings) }
    self.boxTrainer = boxTrainer
    miner = try selector.map {
      try RoIMiner($0, objective: objective, source: source, boxTrainer: boxTrainer, threads: settings.threads)
    }
    branchTrainer = try boxBranch.map { branch in
      guard let source = source as? any AnchorBoxSource else {
        throw LinearHeadError(.missingData, "a regression branch learns from anchors whose objects are known")
      }
      return try BoxBranchTrainer(branch, source: source, settings: settings)
    }
    self.adversary = adversary
    lineSums = MetricsSums(
      componentCount: objective.componentNames.count + (boxTrainer == nil && boxBranch == nil ? 0 : 1)
        + (adversary?.componentName == nil ? 0 : 1))
    epochSums = lineSums
    if let shards = settings.shards {
      try setSharing(StepSharing(shardCount: shards, ranks: OneProcess(), threads: settings.threads))
    }
  }

  func setSharing(_ sharing: StepSharing) throws {
    try checkSharing()
    self.sharing = sharing
  }

  /// Throws where batches cannot be cut into shards.
  func checkSharing() throws {
    guard anchors == nil else {
      throw LinearHeadError(
        .unsupported, "batches of feature maps are not cut into shards: a dense head is trained whole")
    }
    guard adversary == nil else {
      throw LinearHeadError(.unsupported, "an adversary changes whole batches, which are then not cut into shards")
    }
  }

  /// The box regressor as it is now; `nil` where none is trained.
  public var boxRegressor: BoxRegressor? { boxTrainer?.regressor }

  /// The regression branch of a dense head as it is now; `nil` where none is trained.
  public var boxBranch: BoxBranch? { branchTrainer?.branch }

  /// The number of steps of the whole training.
  public var stepCount: Int { stepsPerEpoch * settings.epochs }

  /// The mean number of RoIs of a batch.
  public var meanBatchCount: Double {
    let last = source.imageCount - 1
    let rois = source.rows(ofImage: last).upperBound - source.rows(ofImage: 0).lowerBound
    return Double(rois) / Double(stepsPerEpoch)
  }

  /// The names of the parts of the loss; behind them `box`, where boxes are trained, and that of an adversary.
  public var componentNames: [String] {
    objective.componentNames + (boxTrainer == nil && branchTrainer == nil ? [] : ["box"])
      + (adversary?.componentName.map { [$0] } ?? [])
  }

  /// Takes the next step.
  ///
  /// - Returns: The losses before the step, the norm of the gradient and the size of the batch.
  /// - Throws: What reading the source throws.
  public func step() throws -> TrainingStep {
    var lap = ContinuousClock.now
    var (batch, batchFeatures) = try nextBatch()
    if let miner {
      batch.progress = Double(stepsTaken) / Double(stepCount)
      var generator = stepGenerator(purpose: 3, number: stepsTaken)
      if let anchors {
        try miner.reduce(&batch, anchors: anchors, head: head, objective: objective, using: &generator)
        anchors.keep(batch, ofImages: batchImages)
      } else {
        try miner.reduce(
          &batch, features: batchFeatures, head: head, objective: objective, sharing: sharing, using: &generator)
      }
    }
    times.add(.reading, since: &lap)
    let rate = schedule.rate(atStep: stepsTaken)
    let hardened = harden(batch, features: batchFeatures, rate: rate)
    // While the adversary is trained alone the head stays as it is, and so does what its loss has learnt.
    let frozen: (any HeadObjective)? = hardened?.stage == .adversary ? objective : nil
    if boxTrainer != nil { try sharing?.gatherForeground(of: batch, in: batchFeatures, width: source.featureCount) }
    let boxLoss =
      try boxTrainer?.step(batch, features: batchFeatures, source: source, rate: rate)
      ?? mapReader.flatMap { branchTrainer?.step(batch, ofImages: batchImages, maps: $0.maps, rate: rate) }
    var generator = stepGenerator(purpose: 2, number: stepsTaken)
    try objective.prepareIfNeeded(
      for: BatchContext(epoch: stepsTaken / stepsPerEpoch, rois: batch, source: source))
    if objective is any FeatureAddingObjective {
      try sharing?.gatherAll(of: batch, in: batchFeatures, width: source.featureCount)
    }
    let (labels, features) = addFeatures(to: batchFeatures, labels: batch.labels, using: &generator)
    let blocks = objective.blocks(labels: labels, using: &generator)
    times.add(.choosing, since: &lap)
    let losses =
      try sharing.map {
        try setGradients(
          blocks, features: features, labels: labels, rows: $0.rows(ofImages: batch.images, count: labels.count),
          sharing: $0, lap: &lap)
      }
      ?? setGradients(
        blocks, features: features, labels: labels, needsOwn: frozen == nil, adversaryRate: hardened?.rateOfGradient,
        lap: &lap)
    if let frozen { objective = frozen }
    let norm = frozen == nil ? takeOptimizerStep(rate: rate) : 0
    times.add(.update, since: &lap)
    let result = TrainingStep(
      number: stepsTaken, epoch: stepsTaken / stepsPerEpoch, learningRate: rate,
      losses: losses + (boxLoss.map { [$0] } ?? []) + (hardened?.losses ?? []),
      gradientNorm: norm, roiCount: batch.labels.count,
      foregroundCount: batch.labels.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) },
      keptRowCounts: blocks.map { $0.rowCount(batchCount: batch.labels.count) },
      groupRowCount: blocks.reduce(0) {
        $0 + (othersLogits.contains($1.logits.lowerBound) ? $1.rowCount(batchCount: batch.labels.count) : 0)
      })
    if stepsTaken % stepsPerEpoch == 0 { epochSums = MetricsSums(componentCount: componentNames.count) }
    sharing?.note(loss: result.loss, gradientNorm: norm)
    lineSums.add(result)
    epochSums.add(result)
    stepsTaken += 1
    return result
  }

  func stepGenerator(purpose: UInt64, number: Int) -> SeededGenerator {
    SeededGenerator(seed: settings.seed).derived(for: purpose).derived(for: UInt64(number) &+ 1)
  }
}
