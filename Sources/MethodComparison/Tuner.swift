import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadInference
import HeadLosses
import HeadTraining
import LVISDatasets
import LVISEvaluation
import TrainingRuns

/// Picks settings on held-out training images, every method with the same number of trials of the same length.
///
/// First the learning rate, by `LearningRateSearch`. Then the parameters asked for, one after the other at that rate; who
/// does not have them gets as many further rates. Trials that the first split of the images cannot tell from its best are
/// tried on the other splits too, and the mean decides; the default settings stay where nothing leads them beyond noise.
public final class Tuner {
  /// The images that trials are scored on, and those that they are trained on, split by split.
  public let splits: [HeldOutImages]
  /// The findings about the images that decide, which a user should know, one line each.
  public let warnings: [String]
  /// A digest by which trials on other images are told apart.
  private let splitsMark: String
  /// The number of trials, their epochs and the criterion that selects.
  public let plan: TuningPlan
  private let set: TuningData
  private let settings: TrainingSettings
  private let architecture: HeadArchitecture
  private let matching: ClassMatching
  private let classWeights: ClassWeightTable?
  private let trials: TrialStore?
  private let given: PrerequisiteHeads?
  private let ownHead: OwnHead?
  private var tuned: [String: TunedMethod] = [:]
  private var bases: [String: TrainedHead] = [:]

  /// Puts images aside.
  ///
  /// - Parameters:
  ///   - set: The training data.
  ///   - settings: The recipe; its learning rate is where the search begins, its seed that of every trial.
  ///   - architecture: The layers below the classifier, and the stages, of every trial.
  ///   - plan: The number and length of trials, and the metric that decides.
  ///   - trials: Where trials are kept and looked up; `nil` for nowhere.
  ///   - given: Heads that all trials start from; `nil` for those that the methods ask for.
  ///   - ownHead: The detector's own head, for methods that start from it.
  ///   - matching: By what the classes of a head to start from are recognised.
  ///   - classWeights: The user's own class weights, in every trial.
  /// - Throws: As `HeldOutImages`; `ComparisonError` where so few objects of a group are held out that they decide nothing.
  public init(
    _ set: TuningData, settings: TrainingSettings, architecture: HeadArchitecture = HeadArchitecture(),
    plan: TuningPlan, trials: TrialStore? = nil, startingFrom given: PrerequisiteHeads? = nil,
    ownHead: OwnHead? = nil, matching: ClassMatching = .ids, classWeights: ClassWeightTable? = nil
  ) throws {
    self.ownHead = ownHead
    self.set = set
    self.settings = settings
    self.architecture = architecture
    self.plan = plan
    self.trials = trials
    self.given = given
    self.matching = matching
    self.classWeights = classWeights
    if let unseen = set.unseen {
      splits = [
        try HeldOutImages(
          unseen: unseen.features, dataset: unseen.dataset, trainingOn: set.source, groups: set.groups,
          settings: set.detection)
      ]
      splitsMark = "unseen " + unseen.inputs.sorted { $0.key < $1.key }.map(\.value.fingerprint).joined(separator: " ")
    } else {
      splits = try (0..<plan.splitCount).map { split in
        try HeldOutImages(
          of: set.source, dataset: set.dataset, groups: set.groups, fraction: plan.fraction,
          seed: settings.seed &+ UInt64(split), settings: set.detection)
      }
      splitsMark = "\(plan.fraction)"
    }
    warnings = try Self.warnings(of: splits, groups: set.groups, plan: plan)
  }

  /// The held-out objects of each foreground group, over all splits.
  private var heldOutObjectCounts: [Int] { Self.objectCounts(of: splits) }

  private static func objectCounts(of splits: [HeldOutImages]) -> [Int] {
    splits.dropFirst().reduce(splits[0].objectCounts) { zip($0, $1.objectCounts).map(+) }
  }

  private static func warnings(
    of splits: [HeldOutImages], groups: CategoryGroups, plan: TuningPlan
  ) throws -> [String] {
    let counts = objectCounts(of: splits)
    let trained = (0..<groups.groupCount).filter { group in
      groups.members.contains { $0.group == group && $0.instanceCount > 0 }
    }
    let few = trained.filter { counts[$0] < 30 }.map { "\(counts[$0]) of G\($0 + 1)" }.joined(separator: ", ")
    guard trained.allSatisfy({ counts[$0] >= plan.minimumObjectCount }) else {
      throw ComparisonError(
        .tooFewImages,
        "the images to choose settings on hold too few objects to choose by (\(few)); hold out more of them, give images "
          + "that the detector never saw, or state the learning rate")
    }
    return few.isEmpty
      ? [] : ["the images to choose settings on hold few objects (\(few)); what they say of these groups is noise"]
  }

  /// Tunes a method.
  ///
  /// - Parameters:
  ///   - method: A learning rate or a parameter that it states is kept.
  ///   - hooks: What happens meanwhile.
  /// - Throws: `TrainingError.interrupted`; what reading, training and scoring throw.
  public func tune(_ method: ComparedMethod, hooks: ComparisonHooks = ComparisonHooks()) throws -> TunedMethod {
    let meter = WorkMeter(hooks)
    meter.expect(work(of: method))
    return try tune(method, hooks: hooks, meter: meter)
  }

  /// The work of tuning a method, in steps of training.
  func work(of method: ComparedMethod) -> Double {
    Double(plan.trialCount + (splits.count - 1) * plan.contenderCount) * trialWork(of: method)
  }

  private func trialWork(of method: ComparedMethod) -> Double {
    let steps = settings.stepsPerEpoch(imageCount: splits[0].rest.imageCount)
    let epochs = (try? calibration(of: method, split: 0)?.epochs ?? plan.epochs) ?? plan.epochs
    return Double(epochs * steps) + scoringWork
  }

  private var scoringWork: Double { Double(splits[0].features.images.count) / Double(settings.imagesPerBatch) }

  /// A method's calibration as a trial does it.
  private func calibration(of method: ComparedMethod, split: Int) throws -> CalibrationRecipe? {
    var settings = settings
    settings.seed &+= UInt64(split)
    return try method.calibration.map {
      try CalibrationRecipe($0, settings: settings).shortened(to: plan.epochs, of: settings.epochs)
    }
  }

  /// The first split looks for good settings; the others tell those apart that it cannot tell from the best.
  func tune(_ method: ComparedMethod, hooks: ComparisonHooks, meter: WorkMeter) throws -> TunedMethod {
    if let known = tuned[method.description] { return known }
    let baseRate = try pickedBase(of: method, hooks: hooks, meter: meter)?.learningRate
    var session = TuningSession(method, plan: plan, settings: settings, baseRate: baseRate)
    var tried: [TriedSettings] = []
    func run(_ settings: TriedSettings, split: Int) throws -> TrialOutcome? {
      let row = method.with(learningRate: settings.learningRate, parameters: settings.parameters)
      do {
        return try outcome(
          of: row, learningRate: settings.learningRate, split: split, hooks: hooks, meter: meter,
          detail: "tuning \(method), trial \(session.trials.count + 1) of \(plan.trialCount)")
      } catch let error where error is LinearHeadError || error is MethodParameterError || error is TrainingRecipeError
      {
        throw ComparisonError(.badRecipe, "\(row): \(error)")
      }
    }
    while let next = session.next() {
      var settings = TriedSettings(learningRate: next.learningRate, parameters: next.parameters)
      settings.outcomes = [try run(settings, split: 0)]
      tried.append(settings)
      session.add(settings.trial)
    }
    meter.discount(Double(plan.trialCount - tried.count) * trialWork(of: method))
    guard !tried.isEmpty else { throw ComparisonError(.badRecipe, "\(method): there was nothing to try") }
    let contenders = tried.count > 1 ? plan.contenders(among: tried) : []
    meter.discount(Double((splits.count - 1) * (plan.contenderCount - contenders.count)) * trialWork(of: method))
    for split in splits.indices.dropFirst() {
      for index in contenders { tried[index].outcomes.append(try run(tried[index], split: split)) }
    }
    let choice = plan.choice(among: tried, contenders)
    var record = TuningRecord(
      metric: plan.criterion.description, heldOutImageCount: splits.reduce(0) { $0 + $1.features.images.count },
      heldOutObjectCounts: heldOutObjectCounts, epochs: plan.epochs)
    record.trials = tried.map(\.trial)
    record.chosenTrial = choice.index
    record.lead = choice.lead.map { [$0.lowerBound, $0.upperBound] }
    record.keptDefault = choice.keptDefault
    let best = tried[choice.index]
    guard best.trial.metrics != nil else {
      throw ComparisonError(
        .diverged, "\(method): training diverged at every learning rate tried, down to \(best.learningRate)")
    }
    let picked = method.with(learningRate: best.learningRate, parameters: best.parameters)
    let result = TunedMethod(method: method, picked: picked, record: record)
    tuned[method.description] = result
    return result
  }

  /// What a method needs before it is trained or calibrates.
  private struct Base {
    var heads: PrerequisiteHeads
    /// By which trials on it are told apart.
    var digest: String
  }

  /// What a method comes to on the held-out images of a split; `nil` where training diverges.
  private func outcome(
    of method: ComparedMethod, learningRate: Double, split: Int, hooks: ComparisonHooks, meter: WorkMeter,
    detail: String
  ) throws -> TrialOutcome? {
    let images = splits[split]
    let base = try base(of: method, split: split, hooks: hooks, meter: meter)
    let groups = try method.groups(of: set.groups)
    let key: ResultKey
    let train: () throws -> TrainedHead?
    if let calibration = try calibration(of: method, split: split) {
      key = try ResultKey(
        purpose(split), calibration, groups: groups, source: images.rest, inputs: set.inputs, start: base?.digest)
      train = {
        try self.calibratedHead(calibration, base: base, on: images.rest, hooks: hooks, meter: meter, detail: detail)
      }
    } else {
      let recipe = try recipe(of: method, learningRate: learningRate, split: split)
      key = try ResultKey(
        purpose(split), recipe, groups: groups, source: images.rest, inputs: set.inputs, start: base?.digest)
      train = {
        try self.trainedHead(
          recipe, groups: groups, heads: base?.heads ?? PrerequisiteHeads(), on: images.rest, hooks: hooks,
          meter: meter, detail: detail)
      }
    }
    if let known = try trials?.outcome(of: key) {
      meter.discount(trialWork(of: method))
      return known.outcome
    }
    let outcome = try train().map {
      let scored = try images.score($0, replicates: plan.replicateCount, seed: UInt64(split))
      return TrialOutcome(metrics: scored.metrics, replicates: scored.replicates)
    }
    meter.add(scoringWork, detail)
    try trials?.save(outcome, of: key)
    return outcome
  }

  private func purpose(_ split: Int) -> String { "trial \(splitsMark) \(split) \(plan.replicateCount)" }

  /// A method's recipe as a trial has it.
  private func recipe(of method: ComparedMethod, learningRate: Double, split: Int) throws -> TrainingRecipe {
    var recipe = try method.recipe(plan.settings(settings), architecture: architecture)
    recipe.settings.learningRate = learningRate
    recipe.matching = matching
    recipe.classWeights = classWeights
    recipe.settings.seed &+= UInt64(split)
    return recipe
  }

  /// `nil` where what it trains diverges.
  private func calibratedHead(
    _ calibration: CalibrationRecipe, base: Base?, on source: LabelledFeatureSet, hooks: ComparisonHooks,
    meter: WorkMeter, detail: String
  ) throws -> TrainedHead? {
    guard let heads = base?.heads, let head = heads.initial else { return nil }
    let trainer = try calibration.trainer(for: head, on: source)
    if let trainer, try !finishes(trainer, hooks: hooks, meter: meter, detail: detail) { return nil }
    return TrainedHead(
      try calibration.head(from: head, trained: trainer?.head, on: source), boxRegressor: heads.boxRegressor)
  }

  /// `nil` where training diverges.
  private func trainedHead(
    _ recipe: TrainingRecipe, groups: CategoryGroups, heads: PrerequisiteHeads, on source: LabelledFeatureSet,
    hooks: ComparisonHooks, meter: WorkMeter, detail: String
  ) throws -> TrainedHead? {
    let trainer = try recipe.trainer(on: source, groups: groups, imageCount: set.imageCount, startingFrom: heads)
    guard try finishes(trainer, hooks: hooks, meter: meter, detail: detail) else { return nil }
    // The last step may have taken the weights beyond what is finite.
    return trainer.head.weight.storage.allSatisfy(\.isFinite) ? TrainedHead(trainer) : nil
  }

  /// Trains with progress; false where that diverges, and the steps that are left are not waited for.
  private func finishes(
    _ trainer: HeadTrainer, hooks: ComparisonHooks, meter: WorkMeter, detail: String
  ) throws -> Bool {
    var steps = 0
    var training = TrainingHooks()
    training.isInterrupted = hooks.isInterrupted
    training.report = { metrics in
      meter.add(Double(metrics.step - steps), detail)
      steps = metrics.step
    }
    do {
      try trainer.run(training)
      return true
    } catch TrainingError.diverged {
      meter.discount(Double(trainer.stepCount - steps))
      return false
    }
  }

  /// What was picked for the row that a method needs; `nil` where it needs none that is trained.
  private func pickedBase(
    of method: ComparedMethod, hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> ComparedMethod? {
    guard given == nil, let base = method.base, base != .ownHead else { return nil }
    return try tune(base, hooks: hooks, meter: meter).picked
  }

  /// What a method needs, trained on what is not held out of a split.
  private func base(
    of method: ComparedMethod, split: Int, hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> Base? {
    if let given { return Base(heads: given, digest: "given") }
    guard let base = method.base else { return nil }
    guard let picked = try pickedBase(of: method, hooks: hooks, meter: meter) else {
      guard let own = ownHead else {
        throw ComparisonError(.missingHead, "\(method): give the detector's head that it starts from")
      }
      return Base(heads: method.prerequisites(own.trained, own: own.trained), digest: own.input.fingerprint)
    }
    let before = try self.base(of: base, split: split, hooks: hooks, meter: meter)
    let groups = try picked.groups(of: set.groups)
    let source = splits[split].rest
    let recipe = try recipe(of: picked, learningRate: picked.learningRate ?? settings.learningRate, split: split)
    let digest = try ResultKey(
      "base \(split)", recipe, groups: groups, source: source, inputs: set.inputs, start: before?.digest
    ).digest()
    if bases[digest] == nil {
      bases[digest] = try trainedHead(
        recipe, groups: groups, heads: before?.heads ?? PrerequisiteHeads(), on: source, hooks: hooks, meter: meter,
        detail: "tuning \(method): \(base)")
    }
    guard let trained = bases[digest] else {
      throw ComparisonError(.diverged, "\(picked): training diverged, but did not before")
    }
    var heads = method.prerequisites(trained, own: ownHead?.trained)
    // What a calibration leaves as it is.
    if method.calibration != nil { heads.boxRegressor = trained.boxRegressor }
    return Base(heads: heads, digest: digest)
  }
}
