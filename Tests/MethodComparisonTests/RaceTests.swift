import DetectionHeads
import Dispatch
import Foundation
import HeadLosses
import HeadTraining
import MethodComparison
import Synchronization
import TestSupport
import Testing
import TrainingRuns

@Suite struct RaceTests {
  private static let settings: TrainingSettings = {
    var settings = TrainingSettings()
    settings.epochs = 3
    settings.milestones = [2]
    settings.learningRate = 0.05
    return settings
  }()

  /// A softmax head that stands for a detector's own.
  private func ownHead(_ set: SmallComparisonSet, in folder: String) throws -> OwnHead {
    let trainer = try TrainingRecipe(MethodChoice(name: "softmax"), settings: Self.settings).trainer(
      on: set.source, groups: set.groups, imageCount: set.training.images.count)
    try trainer.run()
    let path = "\(folder)/own.safetensors"
    try trainer.head.write(to: path)
    return OwnHead(trainer.head, input: try RunRecord.Input(path: path))
  }

  private func race(
    _ set: SmallComparisonSet, own: OwnHead?, in folder: String, unseen: Bool = false,
    change: (inout RacePlan) -> Void = { _ in }
  ) throws -> Race {
    var plan = RacePlan(
      ["softmax+class-balanced", "bags", "reweight"].compactMap { try? ComparedMethod($0) }, epochs: 3)
    plan.finalistCount = 2
    plan.splitCount = 2
    plan.minimumObjectCount = 1
    change(&plan)
    var data = TuningData(source: set.source, dataset: set.training, groups: set.groups)
    if unseen { data.unseen = .init(features: set.validationFeatures, dataset: set.validation) }
    return try Race(
      data, settings: Self.settings, plan: plan, ownHead: own, trials: TrialStore(at: "\(folder)/trials"))
  }

  @Test func theWinnerLeadsTheLadderOrCannotBeToldFromItsFirst() throws {
    try SmallComparisonSet.with { set, folder in
      let own = try ownHead(set, in: folder)
      let result = try race(set, own: own, in: folder).run()
      let record = result.record
      #expect(record.reference == "own-head" && record.standInLearningRate != nil && !record.usesUnseenImages)
      let finals = record.entries.filter { $0.rung == 3 }
      // The own head, two trained rows and their mean; the third left after the short trials.
      #expect(finals.count == 4 && record.entries.count == 5)
      #expect(finals.filter { $0.name.contains("++") }.count == 1)
      let scores = finals.map { $0.metrics?["AP"] ?? -1 }
      #expect(scores == scores.sorted(by: >))
      for entry in finals where entry.name != "own-head" {
        let lead = try #require(entry.lead)
        #expect(lead[1] <= lead[0] && lead[0] <= lead[2])
      }
      let best = try #require(finals.first)
      let winning = try #require(record.winning)
      #expect(record.winner == best.name || winning.name.contains("++"))
      #expect((winning.metrics?["AP"] ?? -1) >= (finals.first { $0.name == "own-head" }?.metrics?["AP"] ?? 0))
    }
  }

  @Test func aRaceThatGoesOnIsTheSame() throws {
    try SmallComparisonSet.with { set, folder in
      let own = try ownHead(set, in: folder)
      let first = try race(set, own: own, in: "\(folder)/a").run()
      var steps = 0
      var hooks = ComparisonHooks()
      hooks.isInterrupted = {
        steps += 1
        return steps > 40
      }
      #expect(throws: TrainingError.self) { try race(set, own: own, in: "\(folder)/b").run(hooks) }
      let again = try race(set, own: own, in: "\(folder)/b").run()
      #expect(again.record == first.record)
    }
  }

  /// Two that race in one folder divide the trials, and come to the same.
  @Test func raceTogether() throws {
    try SmallComparisonSet.with { set, folder in
      let alone = try race(set, own: nil, in: "\(folder)/alone").run()
      let done = Mutex<[Set<String>]>([[], []])
      let winners = Mutex<[String]>([])
      let races = try (0..<2).map { _ in try race(set, own: nil, in: "\(folder)/together") }
      nonisolated(unsafe) let shared = races
      DispatchQueue.concurrentPerform(iterations: 2) { index in
        var hooks = ComparisonHooks()
        hooks.progress = { _, detail in
          if detail.contains("rung 1") { done.withLock { _ = $0[index].insert(detail) } }
        }
        let winner = (try? shared[index].run(hooks))?.record.winner ?? "none"
        winners.withLock { $0.append(winner) }
      }
      #expect(winners.withLock { $0 } == [alone.record.winner, alone.record.winner])
      let trials = done.withLock { $0 }
      // On a busy machine one of them may find all done.
      #expect(trials[0].isDisjoint(with: trials[1]) && trials[0].count + trials[1].count > 0, "\(trials)")
      func names(_ name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(name)/trials").sorted()
      }
      #expect(try names("together") == names("alone"))
    }
  }

  @Test func unseenImagesAreScoredByTheOwnHeadItself() throws {
    try SmallComparisonSet.with { set, folder in
      let own = try ownHead(set, in: folder)
      let record = try race(set, own: own, in: folder, unseen: true).run().record
      #expect(record.usesUnseenImages && record.standInLearningRate == nil)
      #expect(record.heldOutImageCount == set.validationFeatures.images.count)
      let tuner = try Tuner(
        TuningData(
          source: set.source, dataset: set.training, groups: set.groups,
          unseen: .init(features: set.validationFeatures, dataset: set.validation)), settings: Self.settings,
        plan: TuningPlan(epochs: 1))
      let expected = try tuner.splits[0].evaluate(own.head)["AP"]
      #expect(record.entries.first { $0.name == "own-head" }?.metrics?["AP"] == expected)
    }
  }

  @Test func theWinnerIsTrainedOnEverything() throws {
    try SmallComparisonSet.with { set, folder in
      let own = try ownHead(set, in: folder)
      let race = try race(set, own: own, in: folder)
      let result = try race.run()
      try race.train(result, at: "\(folder)/run", program: "test")
      let run = RunFolder(at: "\(folder)/run")
      let head = try LinearHead(contentsOf: run.headPath)
      let record = try run.record()
      #expect(record.race == result.record)
      let members = result.winner.isMean ? result.winner.members : [result.winner]
      let heads = try members.map { row in
        guard row != .ownHead else { return own.head }
        let trainer = try row.recipe(Self.settings).trainer(
          on: set.source, groups: set.groups, imageCount: set.training.images.count,
          startingFrom: PrerequisiteHeads(initial: own.head))
        try trainer.run()
        return trainer.head
      }
      let expected = heads.count > 1 ? try LinearHead.mean(of: heads) : heads[0]
      #expect(head.weight == expected.weight && head.bias == expected.bias)
    }
  }

  @Test func withoutAnOwnHeadPlainSoftmaxIsWhatOthersAreComparedWith() throws {
    try SmallComparisonSet.with { set, folder in
      let record = try race(set, own: nil, in: folder) { plan in
        plan.contestants.append(ComparedMethod(MethodChoice(name: "softmax")))
      }.run().record
      #expect(record.reference.hasPrefix("softmax:learning-rate=") && !record.reference.contains("+"))
      #expect(record.entries.contains { $0.name == record.reference && $0.rung == 3 })
      #expect(record.standInLearningRate == nil)
    }
  }

  @Test func aComparisonTakesTheWinnerForAuto() throws {
    try SmallComparisonSet.with { set, folder in
      let own = try ownHead(set, in: folder)
      var plan = RacePlan([try ComparedMethod("softmax+class-balanced"), try ComparedMethod("bags")], epochs: 3)
      plan.splitCount = 1
      plan.minimumObjectCount = 1
      let comparisonSet = try ComparisonSet(
        source: set.source, training: set.training, groups: set.groups, validationFeatures: set.validationFeatures,
        validation: set.validation)
      let results = try Comparison(
        of: [.auto], on: comparisonSet, settings: Self.settings, seeds: [0, 1], ownHead: own, race: plan,
        folder: "\(folder)/comparison", program: "test"
      ).run()
      let race = try #require(results.race)
      #expect(results.rows.map(\.method.description).contains(race.winner))
      #expect(results.rows[0].method == .ownHead)
    }
  }
}
