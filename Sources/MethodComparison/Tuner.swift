import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadInference
import HeadLosses
import HeadTraining
import LVISDatasets
import LVISEvaluation
import TrainingRuns

/// Picks settings on held-out training images, every method with the same number of trials of the same length.
///
/// First the learning rate, by `LearningRateSearch`. Then the parameters asked for, one after the other at that rate; who
/// does not have them gets as many further rates. The best trial of all decides.
public final class Tuner {
  /// The images that trials are scored on, and those that they are trained on.
  public let heldOut: HeldOutImages
  /// How.
  public let plan: TuningPlan
  private let set: TuningData
  private let settings: TrainingSettings
  private let architecture: HeadArchitecture
  private let matching: ClassMatching
  private let classWeights: ClassWeightTable?
  private let trials: TrialStore?
  private let given: PrerequisiteHeads?
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
  ///   - matching: By what their classes are recognised.
  ///   - classWeights: The user's own class weights, in every trial.
  /// - Throws: As `HeldOutImages`.
  public init(
    _ set: TuningData, settings: TrainingSettings, architecture: HeadArchitecture = HeadArchitecture(),
    plan: TuningPlan, trials: TrialStore? = nil, startingFrom given: PrerequisiteHeads? = nil,
    matching: ClassMatching = .ids, classWeights: ClassWeightTable? = nil
  ) throws {
    self.set = set
    self.settings = settings
    self.architecture = architecture
    self.plan = plan
    self.trials = trials
    self.given = given
    self.matching = matching
    self.classWeights = classWeights
    heldOut = try HeldOutImages(
      of: set.source, dataset: set.dataset, groups: set.groups, fraction: plan.fraction, seed: settings.seed,
      settings: set.detection)
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
  func work(of method: ComparedMethod) -> Double { Double(plan.trialCount) * trialWork(of: method) }

  private func trialWork(of method: ComparedMethod) -> Double {
    let steps = settings.stepsPerEpoch(imageCount: heldOut.rest.imageCount)
    let epochs = (try? calibration(of: method)?.epochs ?? plan.epochs) ?? plan.epochs
    return Double(epochs * steps) + scoringWork
  }

  private var scoringWork: Double { Double(heldOut.features.images.count) / Double(settings.imagesPerBatch) }

  /// A method's calibration as a trial does it.
  private func calibration(of method: ComparedMethod) throws -> CalibrationRecipe? {
    try method.calibration.map {
      try CalibrationRecipe($0, settings: settings).shortened(to: plan.epochs, of: settings.epochs)
    }
  }

  func tune(_ method: ComparedMethod, hooks: ComparisonHooks, meter: WorkMeter) throws -> TunedMethod {
    if let known = tuned[method.description] { return known }
    let base =
      try given.map { Base(heads: $0, digest: "given") }
      ?? method.base.map { try self.base(of: method, $0, hooks: hooks, meter: meter) }
    var session = TuningSession(method, plan: plan, settings: settings, baseRate: base?.picked?.learningRate)
    while let next = session.next() {
      let row = method.with(learningRate: next.learningRate, parameters: next.parameters)
      do {
        let metrics = try metrics(
          of: row, learningRate: next.learningRate, base: base, hooks: hooks, meter: meter,
          detail: "tuning \(method), trial \(session.trials.count + 1) of \(plan.trialCount)")
        session.add(
          TuningRecord.Trial(learningRate: next.learningRate, parameters: next.parameters, metrics: metrics))
      } catch let error where error is LinearHeadError || error is MethodParameterError || error is TrainingRecipeError
      {
        throw ComparisonError("\(row): \(error)")
      }
    }
    meter.discount(Double(plan.trialCount - session.trials.count) * trialWork(of: method))
    guard let best = session.best else { throw ComparisonError("\(method): there was nothing to try") }
    var record = TuningRecord(
      metric: plan.metric, heldOutImageCount: heldOut.features.images.count,
      heldOutObjectCounts: heldOut.objectCounts, epochs: plan.epochs)
    record.trials = session.trials
    guard record.score(of: best).isFinite else {
      throw ComparisonError("\(method): training diverged at every learning rate tried, down to \(best.learningRate)")
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
    /// What was picked for it.
    var picked: ComparedMethod?
  }

  /// What a method comes to on the held-out images; `nil` where training diverges.
  private func metrics(
    of method: ComparedMethod, learningRate: Double, base: Base?, hooks: ComparisonHooks, meter: WorkMeter,
    detail: String
  ) throws -> [String: Double]? {
    let recipe = try recipe(of: method, learningRate: learningRate)
    let calibration = try calibration(of: method)
    let groups = try method.groups(of: set.groups)
    let purpose = "trial \(plan.fraction)"
    let key =
      try calibration.map {
        try ResultKey(purpose, $0, groups: groups, source: heldOut.rest, inputs: set.inputs, start: base?.digest)
      }
      ?? ResultKey(purpose, recipe, groups: groups, source: heldOut.rest, inputs: set.inputs, start: base?.digest)
    if let known = try trials?.metrics(of: key) {
      meter.discount(trialWork(of: method))
      return known.metrics
    }
    let trained =
      if let calibration {
        try calibratedHead(calibration, base: base, hooks: hooks, meter: meter, detail: detail)
      } else {
        try trainedHead(
          recipe, groups: groups, heads: base?.heads ?? PrerequisiteHeads(), hooks: hooks, meter: meter, detail: detail)
      }
    let metrics = try trained.map { try heldOut.evaluate($0.head, boxRegressor: $0.boxRegressor).metricsByName }
    meter.add(scoringWork, detail)
    try trials?.save(metrics, of: key)
    return metrics
  }

  /// A method's recipe as a trial has it.
  private func recipe(of method: ComparedMethod, learningRate: Double) throws -> TrainingRecipe {
    var recipe = try method.recipe(plan.settings(settings), architecture: architecture)
    recipe.settings.learningRate = learningRate
    recipe.matching = matching
    recipe.classWeights = classWeights
    return recipe
  }

  /// `nil` where what it trains diverges.
  private func calibratedHead(
    _ calibration: CalibrationRecipe, base: Base?, hooks: ComparisonHooks, meter: WorkMeter, detail: String
  ) throws -> TrainedHead? {
    guard let heads = base?.heads, let head = heads.initial else { return nil }
    let trainer = try calibration.trainer(for: head, on: heldOut.rest)
    if let trainer, try !finishes(trainer, hooks: hooks, meter: meter, detail: detail) { return nil }
    return TrainedHead(
      try calibration.head(from: head, trained: trainer?.head, on: heldOut.rest), boxRegressor: heads.boxRegressor)
  }

  /// `nil` where training diverges.
  private func trainedHead(
    _ recipe: TrainingRecipe, groups: CategoryGroups, heads: PrerequisiteHeads, hooks: ComparisonHooks,
    meter: WorkMeter, detail: String
  ) throws -> TrainedHead? {
    let trainer = try recipe.trainer(on: heldOut.rest, groups: groups, imageCount: set.imageCount, startingFrom: heads)
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

  /// What a method needs, trained on what is not held out.
  private func base(
    of method: ComparedMethod, _ base: ComparedMethod, hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> Base {
    let picked = try tune(base, hooks: hooks, meter: meter).picked
    let before = try base.base.map { try self.base(of: base, $0, hooks: hooks, meter: meter) }
    let recipe = try recipe(of: picked, learningRate: picked.learningRate ?? settings.learningRate)
    let groups = try picked.groups(of: set.groups)
    let digest = try ResultKey(
      "base", recipe, groups: groups, source: heldOut.rest, inputs: set.inputs, start: before?.digest
    ).digest()
    if bases[digest] == nil {
      bases[digest] = try trainedHead(
        recipe, groups: groups, heads: before?.heads ?? PrerequisiteHeads(), hooks: hooks, meter: meter,
        detail: "tuning \(method): \(base)")
    }
    guard let trained = bases[digest] else { throw ComparisonError("\(picked): training diverged, but did not before") }
    var heads = method.prerequisites(trained.head)
    // What a calibration leaves as it is.
    if method.calibration != nil { heads.boxRegressor = trained.boxRegressor }
    return Base(heads: heads, digest: digest, picked: picked)
  }
}

/// What tuning looks at: training data alone.
public struct TuningData: Sendable {
  /// The training RoIs and their labels.
  public var source: LabelledFeatureSet
  /// The training annotations.
  public var dataset: LVISDataset
  /// The classes and their groups.
  public var groups: CategoryGroups
  /// How scores become detections.
  public var detection: DetectionSettings
  /// Marks of the files, by their option names.
  public var inputs: [String: RunRecord.Input]

  /// Puts it together.
  public init(
    source: LabelledFeatureSet, dataset: LVISDataset, groups: CategoryGroups,
    detection: DetectionSettings = DetectionSettings(), inputs: [String: RunRecord.Input] = [:]
  ) {
    self.source = source
    self.dataset = dataset
    self.groups = groups
    self.detection = detection
    self.inputs = inputs
  }

  /// M.
  var imageCount: Int { dataset.images.count }
}

/// A method and what tuning picked for it.
public struct TunedMethod: Sendable, Equatable {
  /// As it was asked for.
  public let method: ComparedMethod
  /// With the learning rate and the parameters that were picked.
  public let picked: ComparedMethod
  /// What was tried.
  public let record: TuningRecord
}
