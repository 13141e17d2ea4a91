import DenseLinearAlgebra
import DetectionHeads
import Foundation
import LVISDatasets
import LVISEvaluation

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
  private let trials: TrialStore?
  private let given: EarlierHeads?
  private var tuned: [String: TunedMethod] = [:]
  private var bases: [String: LinearHead] = [:]

  /// Puts images aside.
  ///
  /// - Parameters:
  ///   - set: The training data.
  ///   - settings: The recipe; its learning rate is where the search begins, its seed that of every trial.
  ///   - plan: How.
  ///   - trials: Where trials are kept and looked up; `nil` for nowhere.
  ///   - given: Heads that all trials start from; `nil` for those that the methods ask for.
  /// - Throws: As `HeldOutImages`.
  public init(
    _ set: TuningData, settings: TrainingSettings, plan: TuningPlan, trials: TrialStore? = nil,
    startingFrom given: EarlierHeads? = nil
  ) throws {
    self.set = set
    self.settings = settings
    self.plan = plan
    self.trials = trials
    self.given = given
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
  func work(of method: ComparedMethod) -> Double { Double(plan.trialCount) * trialWork }

  private var trialWork: Double {
    let batch = settings.imagesPerBatch
    return Double(plan.epochs * ((heldOut.rest.imageCount + batch - 1) / batch))
      + Double(heldOut.features.images.count) / Double(batch)
  }

  func tune(_ method: ComparedMethod, hooks: ComparisonHooks, meter: WorkMeter) throws -> TunedMethod {
    if let known = tuned[method.description] { return known }
    let base =
      try given.map { ($0, "given") }
      ?? method.base.map { base in
        let (head, mark) = try baseHead(base, hooks: hooks, meter: meter)
        return (method.earlierHeads(head), mark)
      }
    var session = TuningSession(method, plan: plan, settings: settings)
    while let next = session.next() {
      var candidate = method
      candidate.method.parameters = next.parameters
      let metrics = try metrics(
        of: candidate, learningRate: next.learningRate, base: base, hooks: hooks, meter: meter,
        detail: "tuning \(method), trial \(session.trials.count + 1) of \(plan.trialCount)")
      session.add(
        TuningRecord.Trial(learningRate: next.learningRate, parameters: next.parameters, metrics: metrics))
    }
    meter.waive(Double(plan.trialCount - session.trials.count) * trialWork)
    guard let best = session.best else { throw ComparisonError("\(method): there was nothing to try") }
    var record = TuningRecord(
      metric: plan.metric, heldOutImageCount: heldOut.features.images.count,
      heldOutObjectCounts: heldOut.objectCounts, epochs: plan.epochs)
    record.trials = session.trials
    guard record.score(of: best).isFinite else {
      throw ComparisonError("\(method): training diverged at every learning rate tried, down to \(best.learningRate)")
    }
    var picked = method
    picked.learningRate = best.learningRate
    picked.method.parameters = best.parameters
    let result = TunedMethod(method: method, picked: picked, record: record)
    tuned[method.description] = result
    return result
  }

  /// What a method comes to on the held-out images; `nil` where training diverges.
  private func metrics(
    of method: ComparedMethod, learningRate: Double, base: (heads: EarlierHeads, mark: String)?, hooks: ComparisonHooks,
    meter: WorkMeter, detail: String
  ) throws -> [String: Double]? {
    let training = try method.training(with: plan.settings(settings, learningRate: learningRate))
    let groups = try method.groups(of: set.groups)
    let key = try ResultKey(
      "trial \(plan.fraction)", training, groups: groups, source: heldOut.rest, inputs: set.inputs, start: base?.mark)
    if let known = try trials?.metrics(of: key) {
      meter.waive(trialWork)
      return known.metrics
    }
    let metrics = try trainedHead(
      training, groups: groups, heads: base?.heads ?? EarlierHeads(), hooks: hooks, meter: meter, detail: detail
    )
    .map { try heldOut.evaluate($0).metricsByName }
    meter.add(Double(heldOut.features.images.count) / Double(settings.imagesPerBatch), detail)
    try trials?.save(metrics, of: key)
    return metrics
  }

  /// `nil` where training diverges.
  private func trainedHead(
    _ training: HeadTraining, groups: CategoryGroups, heads: EarlierHeads, hooks: ComparisonHooks, meter: WorkMeter,
    detail: String
  ) throws -> LinearHead? {
    let trainer = try training.trainer(
      on: heldOut.rest, groups: groups, imageCount: set.imageCount, startingFrom: heads)
    var steps = 0
    var training = TrainingHooks()
    training.isInterrupted = hooks.isInterrupted
    training.report = { metrics in
      meter.add(Double(metrics.step - steps), detail)
      steps = metrics.step
    }
    do {
      try trainer.run(training)
    } catch TrainingError.diverged {
      meter.waive(Double(trainer.stepCount - steps))
      return nil
    }
    return trainer.head.weight.storage.allSatisfy(\.isFinite) ? trainer.head : nil
  }

  /// The head that a method needs, trained on what is not held out, and a mark of it.
  private func baseHead(
    _ base: ComparedMethod, hooks: ComparisonHooks, meter: WorkMeter
  ) throws -> (head: LinearHead, mark: String) {
    let picked = try tune(base, hooks: hooks, meter: meter).picked
    if let head = bases[base.description] { return (head, "\(picked)") }
    let before = try base.base.map { try baseHead($0, hooks: hooks, meter: meter).head }
    let trained = try trainedHead(
      try picked.training(with: plan.settings(settings, learningRate: picked.learningRate ?? settings.learningRate)),
      groups: try picked.groups(of: set.groups), heads: base.earlierHeads(before), hooks: hooks, meter: meter,
      detail: "tuning \(base)")
    guard let trained else { throw ComparisonError("\(picked): training diverged, but did not before") }
    bases[base.description] = trained
    return (trained, "\(picked)")
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
public struct TunedMethod: Sendable, Codable, Equatable {
  /// As it was asked for.
  public let method: ComparedMethod
  /// With the learning rate and the parameters that were picked.
  public let picked: ComparedMethod
  /// What was tried.
  public let record: TuningRecord
}
