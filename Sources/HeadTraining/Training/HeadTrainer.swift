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
  public private(set) var stepsTaken = 0
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
  private(set) var epochSums: MetricsSums

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
  private let optimizer: MomentumSGD
  private let source: any RoISource
  let products: BlockProducts
  let cosines: CosineProducts?
  private let othersLogits: Set<Int>
  private let miner: RoIMiner?
  private let hiddenProducts: HiddenLayerProducts?
  private let boxTrainer: BoxRegressionTrainer?
  private let branchTrainer: BoxBranchTrainer?
  private let adversary: (any FeatureAdversary)?
  /// The products of a dense head; `nil` where examples have features of their own.
  private let anchors: AnchorProducts?
  private let mapReader: MapReader?
  private let towerProducts: TowerProducts?
  /// What the last convolution of a dense head sees of the present batch.
  private var maps = PaddedMaps(channelCount: 1)
  /// The images of the present batch.
  private var batchImages: [Int] = []
  private let batchFeatures = ScratchBuffer()
  let extendedFeatures = ScratchBuffer()
  /// Cuts batches into shards; `nil` where the settings do not.
  private(set) var sharing: StepSharing?
  var shardHidden: [HiddenLayerProducts] = []
  let hiddenSums = ShardSums()
  var nodeGradients: [ScratchBuffer] = []
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
    guard head.inputs == source.featureCount else {
      throw LinearHeadError(.wrongShape, "the head takes \(head.inputs) features, the RoIs have \(source.featureCount)")
    }
    guard head.layout.unnormed.name == objective.layout.name,
      head.bias.count == objective.layout.anchored(like: head.layout).logitCount
    else {
      throw LinearHeadError(
        .unsupported, "a head of layout \(head.layout.name) cannot be trained as \(objective.layout.name)")
    }
    if let fault = settings.fault {
      throw LinearHeadError(.badSetting, "these settings cannot be trained with: \(fault)")
    }
    guard head.hidden.isEmpty && head.layout.stageCount == 1 || objective.trainsDeepHeads else {
      throw LinearHeadError(
        .unsupported,
        "hidden layers and stages need logits that are linear in the features, and a loss that trains all of them")
    }
    guard !(head.layout is NormedLayout) || objective.trainsNormedHeads && head.hidden.isEmpty else {
      throw LinearHeadError(
        .unsupported,
        "a normed linear layer stands alone, under a loss whose logits are linear in the features and that trains all of "
          + "them")
    }
    guard boxRegression == nil || (head.hidden.isEmpty && head.layout.stageCount == 1) else {
      throw LinearHeadError(
        .unsupported, "a box regressor is trained beside one linear layer, not beside hidden layers or stages")
    }
    guard adversary == nil || objective.trainsDeepHeads && head.layout.stageCount == 1 && head.layout.product == .linear
    else { throw LinearHeadError(.unsupported, Self.adversaryNeeds) }
    guard source.imageCount > 0 else { throw LinearHeadError(.missingData, "there are no RoIs to train on") }
    let anchorSource = source as? any AnchorSource
    guard head.layout.anchorsPerLocation == anchorSource?.anchorsPerLocation else {
      throw LinearHeadError(
        .wrongShape,
        "the head is for \(head.layout.anchorsPerLocation.map { "\($0) anchors a location" } ?? "RoIs"), the examples are "
          + (anchorSource.map { "\($0.anchorsPerLocation) anchors a location" } ?? "RoIs"))
    }
    if let fault = head.tower.isEmpty ? nil : head.tower.fault(below: head.weight.columns / 9) {
      throw LinearHeadError(.wrongShape, fault)
    }
    if head.tower.normGroups == nil {
      throw LinearHeadError(
        .missingNormGroups, "the detector's file does not say how many groups the GroupNorm of its convolutions has")
    }
    if let anchorSource, anchorSource.featureCount != 9 * anchorSource.channelCount {
      throw LinearHeadError(
        .wrongShape,
        "anchors of \(anchorSource.channelCount) channels have patches of 9 times as many numbers, not of "
          + "\(anchorSource.featureCount)")
    }
    guard settings.precision.isAvailable else {
      throw LinearHeadError(
        .unsupported,
        "this processor does not multiply in \(settings.precision.rawValue), which takes AVX-512 BF16; fp32 it does")
    }
    if anchorSource != nil, settings.precision != .single {
      throw LinearHeadError(.unsupported, "a dense head is multiplied in fp32, not in \(settings.precision.rawValue)")
    }
    if let fault = anchorSource == nil ? nil : Self.fault(with: objective, boxRegression: boxRegression) {
      throw LinearHeadError(.unsupported, fault)
    }
    if anchorSource == nil {
      try source.checkClasses(lessThan: objective.layout.classCount, stageCount: head.layout.stageCount)
    }
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

  /// What an adversary needs of the loss, in one line.
  static let adversaryNeeds =
    "an adversary needs one stage, logits that are linear in the features, and a loss that trains all of them and makes "
    + "no features"

  /// The reason why a dense head cannot be trained so, in one line; `nil` where it can.
  private static func fault(with objective: any HeadObjective, boxRegression: BoxRegression?) -> String? {
    if boxRegression != nil { return "a box regressor is trained beside RoIs, a regression branch beside feature maps" }
    return objective.trainsDenseHeads
      ? nil
      : "a dense head needs logits that are linear in the features, and a loss that trains all of them and makes no "
        + "features"
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

  /// Lets an adversary change the features of a batch, and learn.
  ///
  /// - Returns: What is trained in this step, the adversary's loss where it has one, and its rate where it learns from the
  ///   features' gradient; `nil` without an adversary.
  private func harden(
    _ batch: RoIBatch, features: UnsafeMutablePointer<Float>, rate: Double
  ) -> (stage: AdversaryStage, losses: [Double], rateOfGradient: Double?)? {
    guard let adversary else { return nil }
    let schedule = adversary.schedule
    let stage = schedule.stage(atStep: stepsTaken, of: stepCount)
    let ownRate = schedule.rate(atStep: stepsTaken, of: stepCount, headShare: rate / settings.learningRate)
    var generator = stepGenerator(purpose: 4, number: stepsTaken)
    let loss = adversary.harden(
      AdversaryBatch(
        stage: stage, isFirst: schedule.isFirst(step: stepsTaken, of: stepCount), labels: batch.labels,
        images: batch.images, features: features, head: head, rate: ownRate),
      using: &generator)
    return (
      stage, adversary.componentName == nil ? [] : [loss],
      adversary.needsFeatureGradient && stage != .head ? ownRate : nil
    )
  }

  /// Puts the features that a loss makes behind those of the batch.
  private func addFeatures(
    to features: UnsafeMutablePointer<Float>, labels: [Int32], using generator: inout SeededGenerator
  ) -> (labels: [Int32], features: UnsafeMutablePointer<Float>) {
    if anchors != nil { return (labels, features) }
    let width = source.featureCount
    let more = objective.moreFeaturesIfAny(than: features, width: width, labels: labels, using: &generator)
    precondition(
      more.features.count == more.labels.count * width, "a loss made features that are not \(width) numbers long")
    if more.labels.isEmpty { return (labels, features) }
    let all = extendedFeatures.floats((labels.count + more.labels.count) * width)
    all.update(from: features, count: labels.count * width)
    more.features.withUnsafeBufferPointer { values in
      if let values = values.baseAddress {
        (all + labels.count * width).update(from: values, count: more.features.count)
      }
    }
    return (labels + more.labels, all)
  }

  /// Forward and backward: leaves the gradients in the parameters.
  ///
  /// The head shares the arrays of the parameters; it is gone when these are moved, so that none is copied.
  ///
  /// - Parameters:
  ///   - blocks: What the loss asked for.
  ///   - features: X [N, D].
  ///   - labels: The classes of the examples.
  ///   - needsOwn: Whether the head's own gradients are wanted.
  ///   - adversaryRate: The rate of an adversary that learns from the features' gradient; `nil` for none.
  ///   - lap: The clock of the parts of a step.
  /// - Returns: The parts of the loss.
  private func setGradients(
    _ blocks: [LogitBlock], features: UnsafeMutablePointer<Float>, labels: [Int32], needsOwn: Bool,
    adversaryRate: Double?, lap: inout ContinuousClock.Instant
  ) -> [Double] {
    let head = self.head
    if let anchors {
      let logits = anchors.forward(blocks, labels: labels, layer: head.classifier)
      times.add(.forward, since: &lap)
      let losses = objective.backward(logits, batchCount: labels.count, threads: settings.threads)
      times.add(.loss, since: &lap)
      classifier.withGradient(ofLayerAt: 0) { anchors.backward(into: $0, logitCount: head.bias.count) }
      towerProducts?.backward(
        head.tower, outputGradient: anchors.mapGradient(layer: head.classifier), into: &classifier, from: 2)
      times.add(.backward, since: &lap)
      return losses
    }
    let normalized = cosines?.normalize(head)
    let features =
      cosines?.normalize(features, rows: 0..<labels.count, inputs: head.inputs)
      ?? hiddenProducts?.forward(head.hidden, features: features, count: labels.count)
      ?? features
    let logits = products.forward(blocks, features: features, labels: labels, head: normalized ?? head)
    times.add(.forward, since: &lap)
    let losses = objective.backward(logits, batchCount: labels.count, threads: settings.threads)
    times.add(.loss, since: &lap)
    guard needsOwn || adversaryRate != nil else { return losses }
    let trained = objective.trainedRows
    classifier.withGradient(ofLayerAt: 0) { gradient in
      products.backward(
        into: gradient, inputs: head.weight.columns, logitCount: head.bias.count, trained: trained)
      if let normalized { cosines?.project(gradient, normalized: normalized, head: head) }
    }
    if let hiddenProducts {
      let ofLowest = hiddenProducts.backward(
        head.hidden, outputGradient: products.featureGradient(head: head, batchCount: labels.count), into: &classifier,
        from: 2, needsInputGradient: adversaryRate != nil)
      if let adversaryRate, let ofLowest { adversary?.learn(from: ofLowest, rate: adversaryRate) }
    } else if let adversaryRate {
      adversary?.learn(from: products.featureGradient(head: head, batchCount: labels.count), rate: adversaryRate)
    }
    times.add(.backward, since: &lap)
    return losses
  }

  /// - Returns: ‖g‖₂ of head and loss before clipping.
  private func takeOptimizerStep(rate: Double) -> Double {
    guard var own = objective as? any ParameterizedObjective else { return optimizer.step(&classifier, rate: rate) }
    classifier.parameters.replaceSubrange(headParameterCount..., with: own.parameters)
    let norm = optimizer.step(&classifier, rate: rate)
    own.parameters = Array(classifier.parameters[headParameterCount...])
    objective = own
    return norm
  }

  /// Everything needed to go on from here.
  public func checkpoint() -> TrainingCheckpoint {
    TrainingCheckpoint(
      stepsTaken: stepsTaken,
      parameters: classifier.parameters + ((boxTrainer?.group ?? branchTrainer?.group)?.parameters ?? [])
        + (adversary?.group.parameters ?? []),
      objectiveState: objective.savedState.merging(boxTrainer?.state ?? branchTrainer?.state ?? [:]) { $1 },
      lineSums: lineSums,
      epochSums: epochSums)
  }

  /// Goes on from a checkpoint of the same training.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if its shapes or steps do not fit.
  public func restore(_ checkpoint: TrainingCheckpoint) throws {
    guard (0...stepCount).contains(checkpoint.stepsTaken),
      checkpoint.lineSums.losses.count == componentNames.count,
      checkpoint.epochSums.losses.count == componentNames.count
    else { throw TrainingError.foreignCheckpoint("its steps or loss are another training's") }
    var restored = classifier
    try restored.restore(from: checkpoint.parameters)
    try adversary?.group.restore(from: checkpoint.parameters)
    try objective.restore(
      savedState: try boxTrainer?.restore(from: checkpoint) ?? branchTrainer?.restore(from: checkpoint)
        ?? checkpoint.objectiveState)
    classifier = restored
    if var own = objective as? any ParameterizedObjective {
      own.parameters = Array(classifier.parameters[headParameterCount...])
      objective = own
    }
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
    batchImages = Array(images)
    let ranges = images.map { source.rows(ofImage: $0) }
    let own = sharing?.ownImages(of: ranges.count) ?? ranges.indices
    let isStreamed = source.featureByteCount > settings.memoryLimit
    if isStreamed { prefetch((epochOrder?.images ?? [])[first...].dropFirst(4 * settings.imagesPerBatch)) }
    let batch: RoIBatch
    let features: UnsafeMutablePointer<Float>
    if let anchors, let mapReader, let source = source as? any AnchorSource {
      batch = source.batch(ofImages: batchImages)
      try mapReader.read(batchImages)
      maps = towerProducts?.forward(head.tower, mapReader.maps) ?? mapReader.maps
      anchors.take(batch, ofImages: batchImages, maps: maps)
      // The maps are multiplied as they are.
      features = batchFeatures.floats(1)
    } else {
      batch = RoIBatch(images: ranges, of: source)
      let gather = { [self] in try gatherFeatures(ranges, own: own, count: batch.labels.count) }
      features = try sharing?.reading(gather) ?? gather()
    }
    if isStreamed { releasePages(afterReading: Array(ranges[own])) }
    return (batch, features)
  }

  /// Four batches ahead: the disk works while these multiply.
  private func prefetch(_ ahead: ArraySlice<Int>) {
    let images = Array(ahead.prefix(settings.imagesPerBatch))
    for image in images[sharing?.ownImages(of: images.count) ?? images.indices] {
      source.prefetch(rows: source.rows(ofImage: image))
    }
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

  /// Copies the features of an image after the other, the images shared out among threads; only those of images that this
  /// process reads.
  private func gatherFeatures(
    _ ranges: [Range<Int>], own: Range<Int>, count: Int
  ) throws -> UnsafeMutablePointer<Float> {
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
          for place in evenSlice(of: own.count, part: part, of: settings.threads) {
            let index = own.lowerBound + place
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

/// The losses and sizes of one step of training.
public struct TrainingStep: Sendable {
  /// The number of the step, from 0.
  public let number: Int
  /// The epoch of the step, from 0.
  public let epoch: Int
  /// The learning rate η of the step.
  public let learningRate: Double
  /// The parts of the loss before the step, in the order of `componentNames`.
  public let losses: [Double]
  /// The norm ‖g‖₂ of the classifier's gradient before clipping.
  public let gradientNorm: Double
  /// The number N of RoIs of the batch that were trained on.
  public let roiCount: Int
  /// The number of foreground RoIs among them.
  public let foregroundCount: Int
  /// The RoIs that each block of logits took.
  public let keptRowCounts: [Int]
  /// The rows that groups with `others` took, over all of them; 0 for methods without.
  public let groupRowCount: Int

  /// The sum of the parts of the loss.
  public var loss: Double { losses.reduce(0, +) }
}
