import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import LVISEvaluation
import TrainingRuns

/// Trains rows on the images that are not held out and scores them on those that are, the trials of tuning and of a race.
final class TrialRunner {
  /// Everything about a trial but the row: its epochs, its split, and what happens meanwhile.
  struct Context {
    /// The epochs of the trial.
    var epochs: Int
    /// The split of the images, by its place.
    var split: Int
    /// What happens meanwhile.
    var hooks: ComparisonHooks
    /// Counts the work.
    var meter: WorkMeter
    /// A line about the trial.
    var detail: String
    /// Whether a trial that another process works at is left to it, rather than waited for.
    var yields = false
    /// Whether it is this process's, where work is divided beforehand.
    var isMine = true
    /// The settings of a row that another one needs; as it is unless they are tuned.
    var picked: (ComparedMethod) throws -> ComparedMethod = { $0 }
  }

  /// The images that trials are scored on, and those that they are trained on, split by split.
  let splits: [HeldOutImages]
  /// Whether heads that are trained are kept, for means of them.
  var keepsHeads = false
  private var kept: [String: TrainedHead] = [:]
  /// Heads in place of the detector's own, split by split, which never saw the images held out; empty for its own.
  var standIns: [StandInHead] = []
  private let set: TuningData
  private let settings: TrainingSettings
  private let architecture: HeadArchitecture
  private let matching: ClassMatching
  private let classWeights: ClassWeightTable?
  private let replicateCount: Int
  private let trials: TrialStore?
  private let given: PrerequisiteHeads?
  private let ownHead: OwnHead?
  /// A digest by which trials on other images are told apart.
  private let splitsMark: String
  private var bases: [String: TrainedHead] = [:]

  /// Puts images aside.
  ///
  /// - Throws: As `HeldOutImages`.
  init(
    _ set: TuningData, settings: TrainingSettings, architecture: HeadArchitecture, fraction: Double, splitCount: Int,
    replicateCount: Int, trials: TrialStore?, startingFrom given: PrerequisiteHeads?, ownHead: OwnHead?,
    matching: ClassMatching, classWeights: ClassWeightTable?
  ) throws {
    if let fault = settings.fault { throw ComparisonError(.badRecipe, fault) }
    guard set.unseen != nil || splitCount > 0, replicateCount >= 0 else {
      throw ComparisonError(.badRecipe, "images are divided into one split or more, and drawn 0 times or more")
    }
    self.set = set
    self.settings = settings
    self.architecture = architecture
    self.replicateCount = replicateCount
    self.trials = trials
    self.given = given
    self.ownHead = ownHead
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
      splits = try (0..<splitCount).map { split in
        try HeldOutImages(
          of: set.source, dataset: set.dataset, groups: set.groups, fraction: fraction,
          seed: settings.seed &+ UInt64(split), settings: set.detection)
      }
      splitsMark = "\(fraction)"
    }
  }

  /// The held-out objects of each foreground group, over some of the splits.
  func heldOutObjectCounts(splits count: Int) -> [Int] {
    splits[1..<max(1, min(count, splits.count))].reduce(splits[0].objectCounts) { zip($0, $1.objectCounts).map(+) }
  }

  /// The findings about the images that decide, which a user should know, one line each.
  ///
  /// - Throws: `ComparisonError` where so few objects of a group are held out that they decide nothing.
  func warnings(groups: CategoryGroups, minimumObjectCount: Int) throws -> [String] {
    let counts = heldOutObjectCounts(splits: splits.count)
    let trained = (0..<groups.groupCount).filter { group in
      groups.members.contains { $0.group == group && $0.instanceCount > 0 }
    }
    let few = trained.filter { counts[$0] < 30 }.map { "\(counts[$0]) of G\($0 + 1)" }.joined(separator: ", ")
    guard trained.allSatisfy({ counts[$0] >= minimumObjectCount }) else {
      throw ComparisonError(
        .tooFewImages,
        "the images to choose settings on hold too few objects to choose by (\(few)); hold out more of them, give images "
          + "that the detector never saw, or state the learning rate")
    }
    return few.isEmpty
      ? [] : ["the images to choose settings on hold few objects (\(few)); what they say of these groups is noise"]
  }

  /// The classes and their groups.
  var groups: CategoryGroups { self.set.groups }
  /// The method that detectors of the kind are trained with.
  var plainMethod: MethodChoice { self.set.plainMethod }

  // MARK: Work

  /// The work of a trial, in steps of training.
  func work(of method: ComparedMethod, epochs: Int) -> Double {
    guard !method.isMean else { return scoringWork }
    let steps = settings.stepsPerEpoch(imageCount: splits[0].rest.imageCount)
    let epochs = method.isOwnHead && method.calibration == nil ? 0 : epochs
    return Double(((try? calibration(of: method, epochs: epochs, split: 0)?.epochs) ?? epochs) * steps) + scoringWork
  }

  /// Detection and matching of an image take about as long as a step on it.
  var scoringWork: Double { Double(splits[0].features.imageCount) / Double(settings.imagesPerBatch) }

  // MARK: Trials

  /// The metrics of a row on the held-out images of a split; `nil` where training diverges.
  ///
  /// - Throws: `WorkTakenError` where another process works at it and is not waited for.
  func outcome(of method: ComparedMethod, in context: Context) throws -> TrialOutcome? {
    let key = try key(of: method, in: context)
    let work = work(of: method, epochs: context.epochs)
    var claim: WorkClaims.Claim?
    defer { claim?.release() }
    while let trials {
      let isKnown = try trials.outcome(of: key) != nil
      if !isKnown { claim = try trials.claim(key, isMine: context.isMine) }
      // Another process may have finished it just before it was claimed.
      if let known = try trials.outcome(of: key) {
        context.meter.discount(work)
        return known.outcome
      }
      if claim != nil { break }
      if context.yields { throw WorkTakenError() }
      try WorkClaims.wait(context.hooks)
    }
    let outcome = try head(of: method, in: context).map {
      let scored = try splits[context.split].score($0, replicates: replicateCount, seed: UInt64(context.split))
      return TrialOutcome(metrics: scored.metrics, replicates: scored.replicates)
    }
    context.meter.add(scoringWork, context.detail)
    try trials?.save(outcome, of: key)
    return outcome
  }

  /// Whether other processes may do trials meanwhile.
  var sharesTrials: Bool { trials != nil }

  /// Has trials done that need not wait for each other, each by the process that is free first; then all are known.
  ///
  /// A trial that cannot be is passed over.
  ///
  /// - Throws: `TrainingError.interrupted`; what training and scoring throw.
  func share(_ trials: [(row: ComparedMethod, context: Context)]) throws {
    guard sharesTrials, let hooks = trials.first?.context.hooks else { return }
    var left = trials
    while !left.isEmpty {
      var taken: [(row: ComparedMethod, context: Context)] = []
      for var trial in left {
        trial.context.yields = true
        do {
          _ = try outcome(of: trial.row, in: trial.context)
        } catch is WorkTakenError {
          taken.append(trial)
        } catch is LinearHeadError {
          // Whoever asks for its outcome says so.
        }
      }
      if taken.count == left.count { try WorkClaims.wait(hooks) }
      left = taken
    }
  }

  /// The head that a row comes to without the images held out; `nil` where training diverges.
  func head(of method: ComparedMethod, in context: Context) throws -> TrainedHead? {
    guard keepsHeads, !method.isMean else { return try madeHead(of: method, in: context) }
    let digest = try key(of: method, in: context).digest()
    if kept[digest] == nil { kept[digest] = try madeHead(of: method, in: context) }
    return kept[digest]
  }

  private func madeHead(of method: ComparedMethod, in context: Context) throws -> TrainedHead? {
    if method.isMean {
      let parts = try method.members.map { try head(of: $0, in: context) }
      guard parts.allSatisfy({ $0 != nil }) else { return nil }
      return TrainedHead(try LinearHead.mean(of: parts.compactMap { $0?.head }, groups: set.groups))
    }
    let source = splits[context.split].rest
    if method == .ownHead { return try ownHead(split: context.split).head }
    let base = try base(of: method, in: context)
    if let calibration = try calibration(of: method, epochs: context.epochs, split: context.split) {
      guard let heads = base?.heads, let head = heads.initial else { return nil }
      let trainer = try calibration.trainer(for: head, on: source)
      if let trainer, try !finishes(trainer, in: context) { return nil }
      return TrainedHead(
        try calibration.head(from: head, trained: trainer?.head, on: source), boxRegressor: heads.boxRegressor,
        boxBranch: heads.boxBranch)
    }
    return try trainedHead(
      recipe(of: method, in: context), groups: method.groups(of: set.groups), heads: base?.heads ?? PrerequisiteHeads(),
      on: source, in: context)
  }

  /// By what the trial is known again.
  func key(of method: ComparedMethod, in context: Context) throws -> ResultKey {
    let source = splits[context.split].rest
    let purpose = "trial \(splitsMark) \(context.split) \(replicateCount)"
    if method.isMean {
      return try ResultKey(
        purpose, meanOf: method.members.map { try key(of: $0, in: context).digest() }, groups: set.groups,
        source: source, inputs: set.inputs)
    }
    let groups = try method.groups(of: set.groups)
    if method == .ownHead {
      return try ResultKey(
        purpose, meanOf: [ownHead(split: context.split).digest], groups: groups, source: source, inputs: set.inputs)
    }
    let start = try base(of: method, in: context)?.digest
    if let calibration = try calibration(of: method, epochs: context.epochs, split: context.split) {
      return try ResultKey(purpose, calibration, groups: groups, source: source, inputs: set.inputs, start: start)
    }
    return try ResultKey(
      purpose, recipe(of: method, in: context), groups: groups, source: source, inputs: set.inputs, start: start)
  }

  /// A row's calibration as a trial does it.
  private func calibration(of method: ComparedMethod, epochs: Int, split: Int) throws -> CalibrationRecipe? {
    var settings = settings
    settings.seed &+= UInt64(split)
    return try method.calibration.map {
      try CalibrationRecipe($0, settings: settings).shortened(to: epochs, of: settings.epochs)
    }
  }

  /// A row's recipe as a trial has it.
  private func recipe(of method: ComparedMethod, in context: Context) throws -> TrainingRecipe {
    var recipe = try method.recipe(
      settings.shortened(to: context.epochs), architecture: architecture, on: set.source)
    recipe.matching = matching
    recipe.classWeights = classWeights
    recipe.settings.seed &+= UInt64(context.split)
    return recipe
  }

  /// `nil` where training diverges.
  private func trainedHead(
    _ recipe: TrainingRecipe, groups: CategoryGroups, heads: PrerequisiteHeads, on source: any LabelledImages,
    in context: Context
  ) throws -> TrainedHead? {
    let trainer = try recipe.trainer(on: source, groups: groups, imageCount: set.imageCount, startingFrom: heads)
    guard try finishes(trainer, in: context) else { return nil }
    // The last step may have taken the weights beyond what is finite.
    return trainer.head.parameters.allSatisfy { $0.values.storage.allSatisfy(\.isFinite) } ? TrainedHead(trainer) : nil
  }

  /// Trains with progress; false where that diverges, and the steps that are left are not waited for.
  private func finishes(_ trainer: HeadTrainer, in context: Context) throws -> Bool {
    var steps = 0
    var training = TrainingHooks()
    training.isInterrupted = context.hooks.isInterrupted
    training.report = { metrics in
      context.meter.add(Double(metrics.step - steps), context.detail)
      steps = metrics.step
    }
    do {
      try trainer.run(training)
      return true
    } catch TrainingError.diverged {
      context.meter.discount(Double(trainer.stepCount - steps))
      return false
    }
  }

  // MARK: What rows need

  /// What a row needs before it is trained or calibrates.
  private struct Base {
    var heads: PrerequisiteHeads
    /// By which trials on it are told apart.
    var digest: String
  }

  private func ownHead(split: Int) throws -> (head: TrainedHead, digest: String) {
    if !standIns.isEmpty { return (standIns[split].head, standIns[split].digest) }
    guard let ownHead else {
      throw ComparisonError(.missingHead, "give the detector's head that trainings start from")
    }
    return (ownHead.trained, ownHead.input.fingerprint)
  }

  /// What a row needs, trained on what is not held out of a split.
  private func base(of method: ComparedMethod, in context: Context) throws -> Base? {
    if let given { return Base(heads: given, digest: "given") }
    guard let base = method.base else { return nil }
    if base == .ownHead {
      let (own, digest) = try ownHead(split: context.split)
      var heads = method.prerequisites(own, own: own)
      if method.calibration != nil { heads.keepBoxes(of: own) }
      return Base(heads: heads, digest: digest)
    }
    let picked = try context.picked(base)
    let before = try self.base(of: base, in: context)
    let groups = try picked.groups(of: set.groups)
    let source = splits[context.split].rest
    let recipe = try recipe(of: picked, in: context)
    let digest = try ResultKey(
      "base \(context.split)", recipe, groups: groups, source: source, inputs: set.inputs, start: before?.digest
    ).digest()
    if bases[digest] == nil {
      bases[digest] = try trainedHead(
        recipe, groups: groups, heads: before?.heads ?? PrerequisiteHeads(), on: source, in: context)
    }
    guard let trained = bases[digest] else {
      throw ComparisonError(.diverged, "\(picked): training diverged, but did not before")
    }
    let own = method.start == .ownHead ? try ownHead(split: context.split).head : nil
    var heads = method.prerequisites(trained, own: own)
    // What a calibration leaves as it is.
    if method.calibration != nil { heads.keepBoxes(of: trained) }
    return Base(heads: heads, digest: digest)
  }
}

extension TrainingSettings {
  /// The settings of a shorter training; the milestones move with the epochs.
  func shortened(to epochs: Int) -> TrainingSettings {
    var shorter = self
    shorter.epochs = epochs
    shorter.milestones = milestones.map { Int((Double($0) * Double(epochs) / Double(self.epochs)).rounded()) }
    return shorter
  }
}
