import DetectionHeads
import Foundation
import HeadLosses
import HeadTraining
import MethodComparison
import TestSupport
import Testing
import TrainingRuns

@Suite struct ComparisonTests {
  private static let names = ["bags", "softmax", "disalign", "eqlv2"]

  private func comparison(
    _ set: SmallComparisonSet, in folder: String, names: [String] = names, seeds: [UInt64] = [0, 1],
    memoryLimit: Int = 1 << 30, change: (inout TrainingSettings) -> Void = { _ in }
  ) throws -> Comparison {
    var settings = TrainingSettings()
    settings.epochs = 2
    settings.milestones = [1]
    settings.learningRate = 0.1
    settings.memoryLimit = memoryLimit
    change(&settings)
    return Comparison(
      of: names.map { ComparedMethod(MethodChoice(name: $0)) },
      on: try ComparisonSet(
        source: set.source, training: set.training, groups: set.groups, validationFeatures: set.validationFeatures,
        validation: set.validation), settings: settings, seeds: seeds, folder: folder, program: "test")
  }

  private func heads(_ result: ComparedResults) throws -> [Data] {
    try result.rows.flatMap { try $0.outcomes.map { try fileBytes($0.run.headPath) } }
  }

  @Test func everyMethodGetsTheSameStepsAndIsDeterministic() throws {
    try SmallComparisonSet.with { set, folder in
      let first = try comparison(set, in: "\(folder)/a").run()
      let second = try comparison(set, in: "\(folder)/b").run()
      #expect(first.rows.map(\.method.description) == Self.names)
      let steps = try first.rows.flatMap { try $0.outcomes.map { try $0.run.record().result?.steps } }
      #expect(steps == Array(repeating: 16, count: 8))
      #expect(first.rows.map(\.epochs) == [2, 2, 4, 2])
      #expect(try heads(first) == heads(second) && Set(try heads(first)).count == 8)
      for (a, b) in zip(first.rows, second.rows) {
        #expect(a.outcomes.map(\.seed) == [0, 1] && a.outcomes.map(\.metrics) == b.outcomes.map(\.metrics))
        #expect(a.outcomes.allSatisfy { ($0.metrics["AP"] ?? -1) >= 0 && $0.metrics["AP2"] != nil && $0.seconds > 0 })
        #expect(a.failures.isEmpty && a.learningRate == 0.1)
      }
    }
  }

  @Test func doesOnlyWhatIsMissing() throws {
    try SmallComparisonSet.with { set, folder in
      var lines: [String] = []
      var hooks = ComparisonHooks()
      hooks.finished = { lines.append($0) }
      let first = try comparison(set, in: folder, names: ["softmax"], seeds: [0]).run(hooks)
      #expect(lines.count == 1)
      let again = try comparison(set, in: folder, names: ["softmax"], seeds: [0]) { $0.threads = 2 }.run(hooks)
      #expect(lines.count == 1 && again.rows[0].outcomes[0].metrics == first.rows[0].outcomes[0].metrics)
      _ = try comparison(set, in: folder, names: ["softmax", "bags"]).run(hooks)
      #expect(
        lines.dropFirst().map { $0.split(separator: ":")[0] } == ["bags, seed 0", "softmax, seed 1", "bags, seed 1"])
      // Another setting is another result.
      _ = try comparison(set, in: folder, names: ["softmax"], seeds: [0]) { $0.weightDecay = 1e-3 }.run(hooks)
      #expect(lines.count == 5)
      // A head without its evaluation is scored, not trained.
      let head = first.rows[0].outcomes[0].run
      let before = try fileBytes(head.headPath)
      try FileManager.default.removeItem(atPath: "\(head.path)/evaluation.json")
      try Data("{}".utf8).write(to: URL(fileURLWithPath: "\(head.path)/metrics.jsonl"))
      let scored = try comparison(set, in: folder, names: ["softmax"], seeds: [0]).run(hooks)
      #expect(lines.count == 6 && scored.rows[0].outcomes[0].metrics == first.rows[0].outcomes[0].metrics)
      #expect(try fileBytes(head.headPath) == before)
      #expect(try fileBytes("\(head.path)/metrics.jsonl") == Data("{}".utf8))
    }
  }

  @Test(arguments: [1 << 30, 4096])
  func anInterruptedComparisonEndsAsIfItHadNotBeen(memoryLimit: Int) throws {
    try SmallComparisonSet.with { set, folder in
      let whole = try comparison(set, in: "\(folder)/whole", memoryLimit: memoryLimit).run()
      for patience in [3, 22, 40] {
        var asked = 0
        var hooks = ComparisonHooks()
        hooks.isInterrupted = {
          asked += 1
          return asked > patience
        }
        let part = "\(folder)/part\(patience)"
        #expect(throws: TrainingError.self) { try comparison(set, in: part, memoryLimit: memoryLimit).run(hooks) }
        let resumed = try comparison(set, in: part, memoryLimit: memoryLimit).run()
        #expect(try heads(resumed) == heads(whole))
        #expect(resumed.rows.map { $0.outcomes.map(\.metrics) } == whole.rows.map { $0.outcomes.map(\.metrics) })
      }
    }
  }

  /// A set larger than its share of memory is trained on in turns, and each method becomes what it becomes alone.
  @Test func streamedInTurnsIsAsAlone() throws {
    try SmallComparisonSet.with { set, folder in
      let together = try comparison(set, in: "\(folder)/together", seeds: [0], memoryLimit: 4096).run()
      var alone: [Data] = []
      for name in Self.names {
        alone += try heads(
          comparison(set, in: "\(folder)/\(name)", names: [name], seeds: [0], memoryLimit: 4096).run())
      }
      #expect(try heads(together) == alone)
    }
  }

  @Test func whatDivergesIsSaidAndTheRestGoesOn() throws {
    try SmallComparisonSet.with { set, folder in
      var base = try comparison(set, in: folder, seeds: [0]) { $0.gradientClip = nil }
      base = Comparison(
        of: [
          ComparedMethod(MethodChoice(name: "softmax"), learningRate: 1e30), ComparedMethod(MethodChoice(name: "bags")),
        ], on: base.set, settings: base.settings, seeds: [0], folder: folder, program: "test")
      let result = try base.run()
      #expect(result.rows[0].outcomes.isEmpty && result.rows[0].failures.count == 1)
      #expect(result.rows[0].failures.first?.contains("not finite") == true)
      #expect(result.rows[1].outcomes.count == 1 && result.rows[1].failures.isEmpty)
    }
  }

  @Test func offlineMiningTrainsOnTheMistakesOfTheSameSeed() throws {
    try SmallComparisonSet.with { set, folder in
      let plain = try comparison(set, in: folder, names: ["softmax"], seeds: [3])
      let mined = ComparedMethod(MethodChoice(name: "softmax"), mining: MethodChoice(name: "offline"))
      let result = try Comparison(
        of: [mined], on: plain.set, settings: plain.settings, seeds: [3], folder: folder, program: "test"
      ).run()
      let alone = try plain.run()
      let base = try #require(alone.rows[0].outcomes.first)
      let outcome = try #require(result.rows[0].outcomes.first)
      let record = try outcome.run.record()
      #expect(record.recipe?.mining?.name == "offline" && record.inputs["mining-head"]?.path == base.run.headPath)
      #expect(result.rows[0].epochs == 4 && outcome.seconds > base.seconds)
      #expect(try heads(result) != heads(alone))
    }
  }

  @Test func calibrationsStandOnTheHeadOfTheSameSeed() throws {
    try SmallComparisonSet.with { set, folder in
      let plain = try comparison(set, in: folder, names: ["softmax"], seeds: [3])
      let softmax = MethodChoice(name: "softmax")
      func row(_ name: String, _ parameters: [String: String] = [:]) -> ComparedMethod {
        ComparedMethod(softmax, calibration: MethodChoice(name: name, parameters: parameters))
      }
      var lines = 0
      var hooks = ComparisonHooks()
      hooks.finished = { _ in lines += 1 }
      let comparison = Comparison(
        of: [row("tau-norm", ["tau": "0.5"]), row("crt", ["epochs": "3"]), row("ncm")], on: plain.set,
        settings: plain.settings, seeds: [3], folder: folder, program: "test")
      let result = try comparison.run(hooks)
      // Softmax itself was trained and scored once for the three.
      #expect(lines == 4 && result.rows.map(\.epochs) == [2, 5, 2] && result.rows.map(\.steps) == [0, 24, 0])
      let base = try #require(try plain.run(hooks).rows[0].outcomes.first)
      #expect(lines == 4)
      let normed = try #require(result.rows[0].outcomes.first)
      let head = try LinearHead(contentsOf: base.run.headPath).tauNormalized(tau: 0.5)
      #expect(try LinearHead(contentsOf: normed.run.headPath).weight.storage == head.weight.storage)
      let record = try normed.run.record()
      #expect(record.calibration?.method == MethodChoice(name: "tau-norm", parameters: ["tau": "0.5"]))
      #expect(record.inputs["init"]?.path == base.run.headPath && normed.seconds >= base.seconds)
      #expect(Set(result.rows.compactMap { $0.outcomes.first?.metrics["AP"] }).count == 3)
      _ = try comparison.run(hooks)
      #expect(lines == 4)
    }
  }

  @Test func theDetectorsOwnHeadComesFirstAndTrainingsStartFromIt() throws {
    try SmallComparisonSet.with { set, folder in
      let plain = try comparison(set, in: "\(folder)/plain", names: ["softmax"], seeds: [3])
      let trained = try #require(try plain.run().rows[0].outcomes.first)
      let own = try OwnHead(
        LinearHead(contentsOf: trained.run.headPath), input: RunRecord.Input(path: trained.run.headPath))
      let rows = try ComparedMethod.rows("softmax,softmax:init=none,own-head+tau-norm:tau=0.5,disalign")
      #expect(rows.map(\.description).contains("softmax:init=none"))
      var lines = 0
      var hooks = ComparisonHooks()
      hooks.finished = { _ in lines += 1 }
      func withOwnHead() -> Comparison {
        Comparison(
          of: rows, on: plain.set, settings: plain.settings, seeds: [3, 4], ownHead: own, replicateCount: 60,
          folder: folder, program: "test")
      }
      let result = try withOwnHead().run(hooks)
      #expect(result.rows.map(\.method.description) == ["own-head"] + rows.map(\.description))
      #expect(result.rows.map(\.epochs) == [0, 2, 2, 0, 2] && result.rows.allSatisfy { $0.failures.isEmpty })
      // One head is scored once, whatever the seeds.
      #expect(result.rows.map(\.outcomes.count) == [1, 2, 2, 2, 2] && lines == 9)
      #expect(result.rows[0].outcomes[0].metrics == trained.metrics && result.rows[0].learningRate == nil)
      let kept = result.rows[0].outcomes[0].run
      #expect(try fileBytes(kept.headPath) == fileBytes(trained.run.headPath))
      #expect(try kept.record().importedFrom == trained.run.headPath && kept.record().recipe == nil)
      func head(_ row: Int) throws -> LinearHead {
        try LinearHead(contentsOf: #require(result.rows[row].outcomes.first).run.headPath)
      }
      #expect(try head(2).weight == own.head.weight && head(1).weight != own.head.weight)
      #expect(try head(3).weight == own.head.tauNormalized(tau: 0.5).weight)
      #expect(try result.rows[1].outcomes[0].run.record().inputs["init"] == own.input)

      // The same draws for all: a head does not differ from itself, and what differs has an interval.
      let same = try #require(result.difference(in: "AP", from: result.rows[0], to: result.rows[0]))
      #expect(same.value == 0 && same.interval == 0...0)
      let normed = try #require(result.difference(in: "AP", from: result.rows[0], to: result.rows[3]))
      let interval = try #require(normed.interval)
      #expect(interval.lowerBound < normed.value && normed.value < interval.upperBound)
      #expect(!result.best(in: "AP").isEmpty && result.best(in: "AP9").isEmpty)

      let again = try withOwnHead().run(hooks)
      func draws(_ result: ComparedResults) -> [[UInt32]]? {
        result.rows[1].outcomes[0].replicates?.values.map { $0.map(\.bitPattern) }
      }
      #expect(lines == 9 && draws(again)?.count == 60 && draws(again) == draws(result))
      // Without intervals nothing is called best.
      let bare = try Comparison(
        of: rows, on: plain.set, settings: plain.settings, seeds: [3], ownHead: own, replicateCount: 0, folder: folder,
        program: "test"
      ).run(hooks)
      #expect(lines == 9 && bare.best(in: "AP").isEmpty)
    }
  }

  @Test(arguments: ["own-head+rfs", "own-head:tau=1", "softmax:init=zero", "own-head+boxes:smooth-l1"])
  func refusesWhatMakesNoSenseOfAHead(row: String) {
    #expect(throws: ComparisonError.self) { try ComparedMethod.rows(row) }
  }

  @Test func aHeadThatIsNotThereIsAskedFor() throws {
    try SmallComparisonSet.with { set, folder in
      let plain = try comparison(set, in: folder, names: ["softmax"], seeds: [3])
      let error = #expect(throws: ComparisonError.self) {
        try Comparison(
          of: [.ownHead], on: plain.set, settings: plain.settings, seeds: [3], folder: folder, program: "test"
        ).run()
      }
      #expect(error?.description.contains("give the detector's head") == true)
    }
  }

  @Test func tunedMethodsAreTrainedWithWhatWasPicked() throws {
    try SmallComparisonSet.with { set, folder in
      let plain = try comparison(set, in: folder, names: ["disalign", "bags"], seeds: [0])
      var plan = TuningPlan(epochs: 1)
      plan.rateTrialCount = 3
      let result = try Comparison(
        of: plain.methods, on: plain.set, settings: plain.settings, seeds: [0], tuning: plan, folder: folder,
        program: "test"
      ).run()
      for row in result.rows {
        let record = try #require(row.tuning)
        #expect(row.learningRate == record.chosen?.learningRate && row.picked.learningRate == row.learningRate)
        let run = try #require(row.outcomes.first).run
        #expect(try run.record().settings.learningRate == row.learningRate)
        #expect(try run.record().tuning == record)
      }
    }
  }

  /// Validation decides nothing: with other labels there, the same is picked.
  @Test func otherValidationLabelsChangeNoChoice() throws {
    try SmallComparisonSet.with { set, folder in
      let plain = try comparison(set, in: folder, names: ["bags"], seeds: [0])
      var plan = TuningPlan(epochs: 1)
      plan.rateTrialCount = 4
      var other = set.validation
      let ids = other.categories.map(\.id)
      for index in other.annotations.indices {
        let place = ids.firstIndex(of: other.annotations[index].categoryID) ?? 0
        other.annotations[index].categoryID = ids[(place + 1) % ids.count]
      }
      let sets = [
        plain.set,
        try ComparisonSet(
          source: set.source, training: set.training, groups: set.groups, validationFeatures: set.validationFeatures,
          validation: other),
      ]
      let results = try sets.enumerated().map { index, data in
        try Comparison(
          of: plain.methods, on: data, settings: plain.settings, seeds: [0], tuning: plan, replicateCount: 0,
          folder: "\(folder)/\(index)", program: "test"
        ).run()
      }
      #expect(results[0].rows[0].picked == results[1].rows[0].picked && results[0].rows[0].tuning != nil)
      #expect(results[0].rows[0].tuning == results[1].rows[0].tuning)
      #expect(results[0].rows[0].outcomes[0].metrics["AP"] != results[1].rows[0].outcomes[0].metrics["AP"])
    }
  }

  @Test func refusesSetsThatDoNotBelongTogether() throws {
    try SmallComparisonSet.with { set, _ in
      var other = set.validation
      other.categories.removeLast()
      let error = #expect(throws: ComparisonError.self) {
        try ComparisonSet(
          source: set.source, training: set.training, groups: set.groups, validationFeatures: set.validationFeatures,
          validation: other)
      }
      #expect(error?.description.contains("11 categories") == true)
    }
  }

  @Test func spreadIsTheStandardDeviation() throws {
    #expect(MeanAndSpread([])?.mean == nil)
    #expect(MeanAndSpread([2])?.spread == nil)
    let three = try #require(MeanAndSpread([1, 2, 6]))
    let spread = try #require(three.spread)
    #expect(three.mean == 3 && abs(spread - 7.0.squareRoot()) < 1e-12)
  }

  @Test func aRowIsCalledAsItIsTyped() {
    let row = ComparedMethod(
      MethodChoice(name: "bags", parameters: ["others-ratio": "3", "g0": "official"]), learningRate: 0.1,
      boundaries: .counts([10, 100]), sampler: MethodChoice(name: "rfs", parameters: ["repeat-threshold": "0.01"]))
    #expect(
      row.description == "bags:g0=official:others-ratio=3:groups=10/100:learning-rate=0.1+rfs:repeat-threshold=0.01")
    let auto = ComparedMethod(MethodChoice(name: "bags"), boundaries: .naturalBreaks(groups: 4))
    #expect(auto.description == "bags:groups=auto/4")
  }
}
