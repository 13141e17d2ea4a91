import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// `bags train --method auto`: a race of methods on images that are held out, and the training of the winner.
struct RacingTraining {
  /// The name of the method that is chosen by a race.
  static let methodName = "auto"

  let input: TrainingInputOptions
  let settings: TrainingSettings
  let tuning: TuningOptions
  let budget: TimeBudget?
  let path: String
  let isJSON: Bool

  /// Runs the race, trains the winner, and prints both.
  ///
  /// - Throws: What is wrong with a file; `CommandFailure` where it is interrupted.
  func run() throws {
    let start = ContinuousClock.now
    let paths = try input.pathsWritingBuiltInMaps()
    let data = try paths.load(boundaries: input.boundaries)
    StandardStreams.show(data.findings)
    let own = try input.initialHead.map {
      try OwnHead(named: $0, groups: data.groups, featureCount: data.source.featureCount)
    }
    var images = try data.tuningData()
    images.unseen = try tuning.unseenImages()
    images.inputs = try paths.fingerprinted().filter { ["features", "annotations", "groups"].contains($0.key) }
    try makeFolder(at: "\(path).race")
    let lock = try FileLock(at: "\(path).race/.lock")
    try withExtendedLifetime(lock) {
      let race = try race(on: images, own: own)
      for warning in race.warnings { StandardStreams.warn(warning) }
      let result = try shown("race") { try race.run($0) }
      try shown("train") { try race.train(result, at: path, program: Program.name, hooks: $0) }
      try report(result.record, seconds: seconds(ContinuousClock.now - start))
    }
  }

  // MARK: The plan

  private func race(on images: TuningData, own: OwnHead?) throws -> Race {
    var plan = RacePlan(
      RacePlan.contestants(
        for: images.groups, hasOwnHead: own != nil, hasAnchors: images.source is any AnchorSource),
      epochs: settings.epochs)
    plan.criterion = tuning.tuneBy
    plan.fraction = tuning.heldOut
    plan.splitCount = tuning.tuneSplits
    func race(_ level: Int) throws -> Race {
      try Race(
        images, settings: settings, plan: plan.reduced(to: level), ownHead: own,
        trials: TrialStore(at: "\(path).race/trials"))
    }
    guard let budget else { return try race(0) }
    // What was decided by the clock stands in a file: a race that goes on is the same.
    let planPath = "\(path).race/plan.json"
    if let data = FileManager.default.contents(atPath: planPath),
      let known = try? JSONDecoder().decode(ChosenPlan.self, from: data), known.budget == budget.seconds,
      (0..<RacePlan.levelCount).contains(known.level)
    {
      return try race(known.level)
    }
    let speed = try stepsPerSecond(on: images)
    let whole = Double(settings.epochs * settings.stepsPerEpoch(imageCount: images.source.imageCount))
    var chosen = (level: 0, race: try race(0))
    func seconds(_ race: Race) -> Double { (race.work + whole * Double(plan.finalistCount)) / speed }
    for level in 1..<RacePlan.levelCount where seconds(chosen.race) > budget.seconds {
      chosen = (level, try race(level))
    }
    let needed = ProgressLine.duration(seconds(chosen.race))
    if seconds(chosen.race) > budget.seconds {
      StandardStreams.warn("--budget: the smallest race that decides anything takes about \(needed) here")
    } else {
      StandardStreams.note("race of about \(needed), the training of the winner included")
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    try DurableFile.write(
      encoder.encode(ChosenPlan(budget: budget.seconds, level: chosen.level)) + Data("\n".utf8), to: planPath)
    return chosen.race
  }

  private struct ChosenPlan: Codable {
    var budget: Double
    var level: Int
  }

  /// Trains for a moment.
  private func stepsPerSecond(on images: TuningData) throws -> Double {
    let recipe = try RacePlan.contestants(
      for: images.groups, hasOwnHead: false, hasAnchors: images.source is any AnchorSource
    )[0].recipe(settings, on: images.source)
    let trainer = try recipe.trainer(
      on: images.source, groups: images.groups, imageCount: images.dataset.images.count)
    let start = ContinuousClock.now
    var hooks = TrainingHooks()
    hooks.isInterrupted = { Interruption.isPending || seconds(ContinuousClock.now - start) > 1 }
    do {
      try trainer.run(hooks)
    } catch TrainingError.interrupted where !Interruption.isPending {
    }
    return Double(max(1, trainer.stepsTaken)) / max(1e-3, seconds(ContinuousClock.now - start))
  }

  /// Does something long with a line of progress.
  private func shown<Value>(_ label: String, _ body: (ComparisonHooks) throws -> Value) throws -> Value {
    let progress = ProgressLine(label)
    var hooks = ComparisonHooks()
    hooks.isInterrupted = { Interruption.isPending }
    hooks.progress = { progress.update($0, detail: $1) }
    hooks.finished = { line in
      progress.finish()
      StandardStreams.note(line)
    }
    defer { progress.finish() }
    do {
      return try body(hooks)
    } catch let error as TrainingError {
      guard case .interrupted = error else { throw error }
      throw CommandFailure(
        "interrupted; the same command with --output \(path) goes on where it stopped")
    }
  }

  // MARK: The report

  private func report(_ record: RaceRecord, seconds: Double) throws {
    if isJSON {
      try printJSON(Summary(run: path, race: record, seconds: seconds))
      return
    }
    StandardStreams.result(RaceTable(record).ladder)
    StandardStreams.result("\n" + RaceTable(record).sentence)
    StandardStreams.result("\(path): in \(ProgressLine.duration(seconds))")
  }

  private struct Summary: Encodable {
    var run: String
    var race: RaceRecord
    var seconds: Double
  }
}
