import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadInference
import HeadLosses
import HeadTraining
import MethodComparison
import TensorFiles
import TestSupport
import Testing
import TrainingRuns

/// Comparisons, tuning and races on sets of feature maps, whose examples are anchors.
@Suite struct MapComparisonTests {
  private static func settings(epochs: Int = 2) -> TrainingSettings {
    var settings = TrainingSettings()
    settings.epochs = epochs
    settings.milestones = [epochs]
    settings.learningRate = 0.1
    settings.warmupSteps = 0
    return settings
  }

  private func rows(_ texts: [String]) throws -> [ComparedMethod] { try texts.map { try ComparedMethod($0) } }

  private func ownHead(_ set: SmallMapComparisonSet, in folder: String) throws -> OwnHead {
    let trainer = try rows(["focal"])[0].recipe(Self.settings(epochs: 4), on: set.source).trainer(
      on: set.source, groups: set.groups, imageCount: set.training.images.count)
    try trainer.run()
    let path = "\(folder)/own.safetensors"
    try trainer.head.write(to: path)
    return OwnHead(trainer.head, input: try RunRecord.Input(path: path))
  }

  @Test func rowsAreTheTrainingsThatAUserWouldStart() throws {
    try SmallMapComparisonSet.with { set, folder in
      let methods = try rows([
        "focal", "focal:normalizer=per-image", "ghm+class-balanced", "bags", "bce+ohem-1to3", "focal++bags",
      ])
      let result = try Comparison(
        of: methods, on: set.comparisonSet(), settings: Self.settings(), seeds: [3], replicateCount: 20,
        folder: "\(folder)/c", program: "test"
      ).run()
      #expect(result.rows.map(\.name) == methods.map(\.description))
      for row in result.rows {
        #expect(row.failures.isEmpty && row.outcomes.count == 1, "\(row.failures)")
        #expect((row.outcomes.first?.metrics["AP"] ?? -1) >= 0)
      }
      // The focal row is the training with the defaults of feature maps, to the byte.
      var settings = Self.settings()
      settings.seed = 3
      var recipe = TrainingRecipe(
        MethodChoice(name: "focal", parameters: ["prior": "0.01"]), settings: settings, normalizer: .positives)
      let trainer = try recipe.trainer(on: set.source, groups: set.groups, imageCount: set.training.images.count)
      try trainer.run()
      let kept = try LinearHead(contentsOf: result.rows[0].outcomes[0].run.headPath)
      #expect(kept.weight == trainer.head.weight && kept.bias == trainer.head.bias)
      let record = try result.rows[0].outcomes[0].run.record()
      #expect(record.anchorsPerLocation == 3 && record.exampleWord == "anchors")
      recipe.normalizer = .perImage
      let other = try LinearHead(contentsOf: result.rows[1].outcomes[0].run.headPath)
      #expect(other.weight != kept.weight)
      // The mean is a dense head of its own, which scores the mean of both.
      let mean = try LinearHead(contentsOf: result.rows[5].outcomes[0].run.headPath)
      #expect(mean.layout.anchorsPerLocation == 3 && mean.layout.name.hasPrefix("mean("))
      let parts = try [0, 3].map { try LinearHead(contentsOf: result.rows[$0].outcomes[0].run.headPath) }
      var features = [Float](repeating: 0, count: set.source.featureCount)
      let row = set.source.rows(ofImage: 1).lowerBound
      try features.withUnsafeMutableBufferPointer {
        guard let values = $0.baseAddress else { return }
        try set.source.copyFeatures(rows: row..<row + 1, into: values)
      }
      let patch = Matrix(rows: 1, columns: features.count, values: features)
      let (all, first, second) = (mean.scores(for: patch), parts[0].scores(for: patch), parts[1].scores(for: patch))
      #expect(all.rows == 3 && all.columns == set.groups.classCount)
      for index in all.storage.indices {
        #expect(abs(all.storage[index] - (first.storage[index] + second.storage[index]) / 2) < 1e-6)
      }
    }
  }

  @Test func heldOutMapsAreScoredAndTheRestTrained() throws {
    try SmallMapComparisonSet.with { set, _ in
      let heldOut = try HeldOutImages(of: set.source, dataset: set.training, groups: set.groups)
      let (aside, kept) = (heldOut.features.imageIDs, heldOut.rest.imageFeatures.imageIDs)
      #expect(!aside.isEmpty && (aside + kept).sorted() == set.source.maps.imageIDs)
      // A part of the set has the labels and features of the whole.
      let rest = try #require(heldOut.rest as? LabelledMapSet)
      for (place, id) in rest.maps.imageIDs.enumerated() {
        let whole = try #require(set.source.maps.imageIDs.firstIndex(of: id))
        #expect(rest.labelledAnchors(ofImage: place) == set.source.labelledAnchors(ofImage: whole))
        #expect(rest.rows(ofImage: place) == set.source.rows(ofImage: whole))
      }
      var tuning = TuningPlan(epochs: 1)
      (tuning.rateTrialCount, tuning.splitCount, tuning.minimumObjectCount) = (3, 1, 0)
      let tuner = try Tuner(
        TuningData(source: set.source, dataset: set.training, groups: set.groups), settings: Self.settings(),
        plan: tuning)
      let tuned = try tuner.tune(rows(["focal"])[0])
      #expect(tuned.record.trials.count == 3 && tuned.picked.learningRate != nil)
    }
  }

  @Test func aRaceOnMapsTrainsItsWinner() throws {
    try SmallMapComparisonSet.with { set, folder in
      let own = try ownHead(set, in: folder)
      let contestants = RacePlan.contestants(for: set.groups, hasOwnHead: true, hasAnchors: true)
      #expect(contestants.contains { $0.method.name == "focal" })
      #expect(!contestants.contains { $0.method.name == "seesaw" })
      var plan = RacePlan(try rows(["focal+class-balanced", "bags"]) + contestants.suffix(1), epochs: 2)
      (plan.finalistCount, plan.splitCount, plan.minimumObjectCount) = (2, 1, 0)
      let race = try Race(
        TuningData(source: set.source, dataset: set.training, groups: set.groups), settings: Self.settings(),
        plan: plan, ownHead: own, trials: TrialStore(at: "\(folder)/trials"))
      let result = try race.run()
      #expect(result.record.reference == "own-head" && result.record.standInLearningRate != nil)
      try race.train(result, at: "\(folder)/run", program: "test")
      let run = RunFolder(at: "\(folder)/run")
      #expect(try run.record().race == result.record && run.record().hasAnchors)
      let head = try LinearHead(contentsOf: run.headPath)
      #expect(try !head.detections(for: set.validationFeatures).isEmpty)
      // In a comparison the winner's row is called auto.
      let compared = try Comparison(
        of: [.auto], on: set.comparisonSet(), settings: Self.settings(), seeds: [0], ownHead: own, replicateCount: 0,
        race: plan, folder: "\(folder)/c", program: "test"
      ).run()
      let names = compared.rows.map(\.name)
      #expect(names == (result.winner == .ownHead ? ["own-head"] : ["own-head", "auto"]))
      #expect(compared.race != nil)
    }
  }

  /// A row's regression branch, trained beside its classifier, places its detections, and those of what calibrates it.
  @Test func aRegressionBranchPlacesTheDetections() throws {
    try SmallMapComparisonSet.with { set, folder in
      let methods = try rows(["focal", "focal+boxes:giou", "focal+boxes:giou+post-hoc-adjustment:tau=0"])
      let result = try Comparison(
        of: methods, on: set.comparisonSet(), settings: Self.settings(), seeds: [3], replicateCount: 0,
        folder: "\(folder)/c", program: "test"
      ).run()
      for row in result.rows { try #require(row.failures.isEmpty && row.outcomes.count == 1, "\(row.failures)") }
      let outcomes = result.rows.map { $0.outcomes[0] }
      let (plain, boxed, adjusted) = (outcomes[0], outcomes[1], outcomes[2])
      // Both branches are trained each by itself, so that the classifiers are the same.
      let head = try LinearHead(contentsOf: boxed.run.headPath)
      #expect(try head.weight == LinearHead(contentsOf: plain.run.headPath).weight)
      #expect(boxed.metrics["AP"] != plain.metrics["AP"])
      let branch = try #require(try BoxBranch(ifIn: openTensors(at: boxed.run.headPath)))
      #expect(try BoxBranch(ifIn: openTensors(at: plain.run.headPath)) == nil)
      #expect(try BoxBranch(ifIn: openTensors(at: adjusted.run.headPath)) == branch)
      #expect(adjusted.metrics["AP"] == boxed.metrics["AP"])
      let scored = try set.comparisonSet().score(head, boxes: .branch(branch))
      #expect(scored.result.metricsByName["AP"] == boxed.metrics["AP"])
      let regressor = try BoxRegressor(
        weight: Matrix(rows: 4, columns: 4, values: Array(repeating: 0, count: 16)), bias: [0, 0, 0, 0], classCount: 4)
      #expect(throws: LinearHeadError.self) {
        try set.validationFeatures.detectionPass(
          of: head, boxes: .regressor(regressor), clippingTo: nil, settings: DetectionSettings())
      }
    }
  }

  @Test func setsOfBothKindsAreNotMixed() throws {
    try SmallMapComparisonSet.with { maps, _ in
      try SmallComparisonSet.with { rois, _ in
        _ = #expect {
          try ComparisonSet(
            source: maps.source, training: maps.training, groups: maps.groups,
            validationFeatures: rois.validationFeatures, validation: rois.validation)
        } throws: {
          ($0 as? ComparisonError)?.code == .mismatchedSets && "\($0)".contains("feature maps")
        }
      }
    }
  }
}
