import HeadLosses
import HeadTraining
import MethodComparison
import TestSupport
import Testing

@Suite struct TunerTests {
  private func tuner(
    _ set: SmallComparisonSet, trials: Int = 5, splits: Int = 1, parameters: [TunedParameter] = [],
    store: TrialStore? = nil
  ) throws -> Tuner {
    var settings = TrainingSettings()
    settings.epochs = 4
    settings.milestones = [3]
    var plan = TuningPlan(epochs: 2)
    plan.rateTrialCount = trials
    plan.parameters = parameters
    plan.splitCount = splits
    return try Tuner(
      TuningData(source: set.source, dataset: set.training, groups: set.groups), settings: settings, plan: plan,
      trials: store)
  }

  private func row(_ name: String, _ parameters: [String: String] = [:]) -> ComparedMethod {
    ComparedMethod(MethodChoice(name: name, parameters: parameters))
  }

  @Test func picksTheBestOfWhatItTriedWithAsManyTrialsForEach() throws {
    try SmallComparisonSet.with { set, _ in
      let tuner = try tuner(set, parameters: [TunedParameter(name: "others-ratio", values: ["1", "3"])])
      for name in ["softmax", "bags", "focal"] {
        let tuned = try tuner.tune(row(name))
        #expect(tuned.record.trials.count == 7, "\(name)")
        let scores = tuned.record.trials.map(tuned.record.score)
        let best = try #require(scores.firstIndex(of: scores.max() ?? 0))
        let chosen = try #require(tuned.record.chosenTrial)
        // The default stays where the best does not lead it beyond noise.
        #expect(chosen == (tuned.record.keptDefault == true ? 0 : best), "\(name)")
        if tuned.record.keptDefault == true { #expect((tuned.record.lead?[0] ?? 1) <= 0 && best > 0, "\(name)") }
        let trial = tuned.record.trials[chosen]
        #expect(tuned.picked.learningRate == trial.learningRate && tuned.picked.method.parameters == trial.parameters)
        let tried = Set(tuned.record.trials.map { "\($0.learningRate) \($0.parameters)" })
        #expect(tried.count == 7, "\(name)")
        let values = tuned.record.trials.map { $0.parameters["others-ratio"] }
        #expect(values == Array(repeating: nil, count: 5) + (name == "bags" ? ["1", "3"] : [nil, nil]))
      }
    }
  }

  @Test func aTrialIsATrainingOnWhatIsNotHeldOutAndNothingElse() throws {
    try SmallComparisonSet.with { set, _ in
      let tuner = try tuner(set, trials: 2)
      let tuned = try tuner.tune(row("softmax"))
      #expect(
        Set(tuner.splits[0].features.imageIDs).isDisjoint(with: tuner.splits[0].rest.imageFeatures.imageIDs))
      var settings = TrainingSettings()
      settings.epochs = 2
      settings.milestones = [2]
      for trial in tuned.record.trials {
        settings.learningRate = trial.learningRate
        let trainer = try TrainingRecipe(MethodChoice(name: "softmax"), settings: settings).trainer(
          on: tuner.splits[0].rest, groups: set.groups, imageCount: set.training.images.count)
        try trainer.run()
        #expect(try tuner.splits[0].evaluate(trainer.head).metricsByName == trial.metrics)
      }
      #expect(tuned.record.heldOutImageCount == tuner.splits[0].features.imageCount && tuned.record.epochs == 2)
    }
  }

  @Test func theOtherSplitsDecideAmongTheBestOfTheFirst() throws {
    try SmallComparisonSet.with { set, folder in
      let tuner = try tuner(set, splits: 3, store: TrialStore(at: folder))
      let images = tuner.splits.map { Set($0.features.imageIDs) }
      #expect(Set(images).count == 3)
      let record = try tuner.tune(row("softmax")).record
      let counts = record.trials.map { $0.splits ?? 0 }
      #expect(record.trials.count == 5 && counts[0] == 3 && counts.allSatisfy { $0 == 1 || $0 == 3 })
      #expect(counts.count { $0 == 3 } <= tuner.plan.contenderCount)
      let chosen = try #require(record.chosenTrial)
      #expect(counts[chosen] == 3)
      // The metrics are means over the splits: of each, what a training on the rest of it comes to.
      var settings = TrainingSettings()
      settings.epochs = 2
      settings.milestones = [2]
      settings.learningRate = record.trials[chosen].learningRate
      let values = try tuner.splits.enumerated().map { split, images in
        settings.seed = UInt64(split)
        let trainer = try TrainingRecipe(MethodChoice(name: "softmax"), settings: settings).trainer(
          on: images.rest, groups: set.groups, imageCount: set.training.images.count)
        try trainer.run()
        return try #require(try images.evaluate(trainer.head)["AP"])
      }
      #expect(abs((record.trials[chosen].metrics?["AP"] ?? 0) - values.reduce(0, +) / 3) < 1e-12)
    }
  }

  @Test func unseenImagesDecideInPlaceOfTrainingImages() throws {
    try SmallComparisonSet.with { set, _ in
      var settings = TrainingSettings()
      settings.epochs = 1
      var plan = TuningPlan(epochs: 1)
      plan.rateTrialCount = 2
      let unseen = TuningData.UnseenImages(features: set.validationFeatures, dataset: set.validation)
      let tuner = try Tuner(
        TuningData(source: set.source, dataset: set.training, groups: set.groups, unseen: unseen), settings: settings,
        plan: plan)
      #expect(tuner.splits.count == 1 && tuner.splits[0].rest.imageCount == set.source.imageCount)
      let record = try tuner.tune(row("softmax")).record
      #expect(record.heldOutImageCount == set.validationFeatures.images.count)
      settings.learningRate = record.trials[1].learningRate
      let trainer = try TrainingRecipe(MethodChoice(name: "softmax"), settings: settings).trainer(
        on: set.source, groups: set.groups, imageCount: set.training.images.count)
      try trainer.run()
      #expect(try tuner.splits[0].evaluate(trainer.head)["AP"] == record.trials[1].metrics?["AP"])
    }
  }

  @Test func tooFewObjectsToChooseByAreRefusedAndFewAreSaid() throws {
    try SmallComparisonSet.with { set, _ in
      var plan = TuningPlan(epochs: 1)
      let warnings = try tuner(set).warnings
      #expect(warnings.first?.contains("few objects") == true)
      plan.minimumObjectCount = 10_000
      let error = #expect(throws: ComparisonError.self) {
        try Tuner(
          TuningData(source: set.source, dataset: set.training, groups: set.groups), settings: TrainingSettings(),
          plan: plan)
      }
      #expect(error?.description.contains("too few objects to choose by") == true)
    }
  }

  @Test func whatTheUserStatesIsKept() throws {
    try SmallComparisonSet.with { set, _ in
      let tuner = try tuner(set, trials: 3, parameters: [TunedParameter(name: "gamma")])
      let fixedRate = try tuner.tune(
        ComparedMethod(MethodChoice(name: "focal"), learningRate: 0.25))
      #expect(Set(fixedRate.record.trials.map(\.learningRate)) == [0.25])
      #expect(fixedRate.record.trials.map { $0.parameters["gamma"] } == [nil, "0.5", "1", "4", "8"])
      let fixedGamma = try tuner.tune(row("focal", ["gamma": "1"]))
      #expect(fixedGamma.record.trials.count == 7)
      #expect(fixedGamma.record.trials.allSatisfy { $0.parameters == ["gamma": "1"] })
    }
  }

  @Test func goesOnFromTrialsThatWereFinished() throws {
    try SmallComparisonSet.with { set, folder in
      let store = TrialStore(at: "\(folder)/trials")
      let whole = try tuner(set, trials: 4).tune(row("bags"))
      var asked = 0
      var hooks = ComparisonHooks()
      hooks.isInterrupted = {
        asked += 1
        return asked > 40
      }
      #expect(throws: TrainingError.self) { try tuner(set, trials: 4, store: store).tune(row("bags"), hooks: hooks) }
      let resumed = try tuner(set, trials: 4, store: store).tune(row("bags"))
      #expect(resumed == whole)
      // All trials are there now: none is trained again.
      var progressed = false
      var quiet = ComparisonHooks()
      quiet.progress = { _, _ in progressed = true }
      #expect(try tuner(set, trials: 4, store: store).tune(row("bags"), hooks: quiet) == whole && !progressed)
    }
  }

  @Test func aMethodOnASoftmaxHeadStartsFromTheTunedOne() throws {
    try SmallComparisonSet.with { set, _ in
      let tuned = try tuner(set, trials: 3).tune(row("disalign"))
      #expect(tuned.record.trials.count == 3 && tuned.record.trials.allSatisfy { $0.metrics != nil })
    }
  }

  @Test func calibrationsAreTunedOnTheTunedHead() throws {
    try SmallComparisonSet.with { set, _ in
      let tuner = try tuner(set, trials: 3, parameters: [TunedParameter(name: "tau", values: ["0", "0.5"])])
      let softmax = MethodChoice(name: "softmax")
      let normed = try tuner.tune(ComparedMethod(softmax, calibration: MethodChoice(name: "tau-norm")))
      let base = try tuner.tune(ComparedMethod(softmax))
      #expect(normed.record.trials.map { $0.parameters["tau"] } == [nil, "0", "0.5"])
      // τ 0 changes nothing; the head below it is the one that was picked, trained anew.
      #expect(
        normed.record.trials[1].metrics
          == base.record.trials.first { $0.learningRate == base.picked.learningRate }?.metrics)
      #expect(normed.picked.learningRate == nil)
      #expect(normed.picked.calibration?.parameters == normed.record.chosen?.parameters)
      // What is given is not tuned, nor is it of another calibration.
      let given = try tuner.tune(
        ComparedMethod(softmax, calibration: MethodChoice(name: "tau-norm", parameters: ["tau": "0.7"])))
      #expect(given.record.trials.map { $0.parameters["tau"] } == ["0.7"])
      let retrained = try tuner.tune(ComparedMethod(softmax, calibration: MethodChoice(name: "crt")))
      #expect(retrained.record.trials.map(\.learningRate).prefix(3) == [0.01, 0.1, 1])
      #expect(retrained.record.trials.count == 5)
      #expect(retrained.picked.calibration?.parameters.keys.sorted() == ["learning-rate"])
    }
  }

  @Test func divergenceIsNoScore() throws {
    try SmallComparisonSet.with { set, _ in
      var settings = TrainingSettings()
      settings.gradientClip = nil
      settings.learningRate = 1e3
      var plan = TuningPlan(epochs: 1)
      plan.rateTrialCount = 1
      let tuner = try Tuner(
        TuningData(source: set.source, dataset: set.training, groups: set.groups), settings: settings, plan: plan)
      let error = #expect(throws: ComparisonError.self) {
        try tuner.tune(ComparedMethod(MethodChoice(name: "softmax"), learningRate: 1e30))
      }
      #expect(error?.description.contains("diverged") == true)
    }
  }
}
