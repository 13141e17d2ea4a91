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
  public var splits: [HeldOutImages] { runner.splits }
  /// The findings about the images that decide, which a user should know, one line each.
  public let warnings: [String]
  /// The number of trials, their epochs and the criterion that selects.
  public let plan: TuningPlan
  private let runner: TrialRunner
  private let settings: TrainingSettings
  /// Whether all trials start from heads that were given.
  private let hasGivenHeads: Bool
  private var tuned: [String: TunedMethod] = [:]
  /// Whether trials that another process works at are left to it: then tuning throws `WorkTakenError`, and goes on later.
  var yields = false
  /// Whether the method that is tuned is this process's, where work is divided beforehand.
  var isMine = true

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
    self.plan = plan
    self.settings = settings
    hasGivenHeads = given != nil
    runner = try TrialRunner(
      set, settings: settings, architecture: architecture, fraction: plan.fraction, splitCount: plan.splitCount,
      replicateCount: plan.replicateCount, trials: trials, startingFrom: given, ownHead: ownHead, matching: matching,
      classWeights: classWeights)
    warnings = try runner.warnings(groups: set.groups, minimumObjectCount: plan.minimumObjectCount)
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

  private func trialWork(of method: ComparedMethod) -> Double { runner.work(of: method, epochs: plan.epochs) }

  /// The first split looks for good settings; the others tell those apart that it cannot tell from the best.
  func tune(_ method: ComparedMethod, hooks: ComparisonHooks, meter: WorkMeter) throws -> TunedMethod {
    if let known = tuned[method.description] { return known }
    let baseRate = try baseRate(of: method, hooks: hooks, meter: meter)
    var session = TuningSession(method, plan: plan, settings: settings, baseRate: baseRate)
    var tried: [TriedSettings] = []
    func run(_ settings: TriedSettings, split: Int) throws -> TrialOutcome? {
      let row = method.with(learningRate: settings.learningRate, parameters: settings.parameters)
      var context = TrialRunner.Context(
        epochs: plan.epochs, split: split, hooks: hooks, meter: meter,
        detail: "tuning \(method), trial \(session.trials.count + 1) of \(plan.trialCount)")
      context.yields = yields
      context.isMine = isMine
      context.picked = { try self.tune($0, hooks: hooks, meter: meter).picked }
      do {
        return try runner.outcome(of: row, in: context)
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
    var isTaken = false
    for split in splits.indices.dropFirst() {
      for index in contenders {
        do {
          tried[index].outcomes.append(try run(tried[index], split: split))
        } catch is WorkTakenError {
          isTaken = true
        }
      }
    }
    if isTaken { throw WorkTakenError() }
    let choice = plan.choice(among: tried, contenders)
    var record = TuningRecord(
      metric: plan.criterion.description, heldOutImageCount: splits.reduce(0) { $0 + $1.features.imageCount },
      heldOutObjectCounts: runner.heldOutObjectCounts(splits: splits.count), epochs: plan.epochs)
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

  /// The learning rate that was picked for the row that a method needs; `nil` where it needs none that is trained.
  private func baseRate(of method: ComparedMethod, hooks: ComparisonHooks, meter: WorkMeter) throws -> Double? {
    guard !hasGivenHeads, let base = method.base, base != .ownHead else { return nil }
    return try tune(base, hooks: hooks, meter: meter).picked.learningRate
  }
}
