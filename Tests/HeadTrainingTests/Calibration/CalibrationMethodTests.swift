import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import SyntheticData
import TestSupport
import Testing

/// Every calibration by its name, on a softmax head trained on a small synthetic set.
@Suite struct CalibrationMethodTests {
  // The classes of a softmax head compete already.
  @Test(arguments: CalibrationMethod.all.map(\.name).filter { $0 != "competition" })
  func changesAHeadAsItIsTold(name: String) throws {
    let method = try #require(CalibrationMethod.named(name))
    let example = try Example()
    let source = method.needsFeatures ? example.source : nil
    let recipe = try CalibrationRecipe(MethodChoice(name: name))
    let calibrated = try recipe.calibrate(example.head, on: source)
    #expect(calibrated.method == "softmax+\(name)")
    let features = Matrix(
      rows: example.source.labels.count, columns: example.head.inputs, values: example.source.features)
    let scores = calibrated.scores(for: features)
    #expect(scores.storage.allSatisfy { $0 >= 0 && $0 <= 1 })
    #expect(scores != example.head.scores(for: features))
    // The same once more.
    let again = try recipe.calibrate(example.head, on: source)
    #expect(again.weight == calibrated.weight && again.bias == calibrated.bias)
    let isOrdinary = calibrated.layout is SoftmaxLayout
    #expect(isOrdinary == !["tau-norm-select", "ncm"].contains(name))
  }

  @Test(arguments: CalibrationMethod.all.filter { $0.name != "crt" }.map(\.name))
  func refusesAGroupedHeadWithTheReason(name: String) throws {
    let example = try Example()
    var generator = SeededGenerator(seed: 0)
    let bags = LinearHead(
      inputs: example.head.inputs, layout: GroupedLayout(groups: example.head.groups), groups: example.head.groups,
      method: "bags", using: &generator)
    let error = #expect(throws: LinearHeadError.self) {
      try CalibrationRecipe(MethodChoice(name: name)).calibrate(bags, on: example.source)
    }
    #expect(error?.description.contains("grouped-sigmoid") == true)
  }

  @Test func namesTheRoIsWhereTheyAreMissing() throws {
    let example = try Example()
    for method in CalibrationMethod.all where method.needsFeatures {
      let error = #expect(throws: TrainingRecipeError.self) {
        try CalibrationRecipe(MethodChoice(name: method.name)).calibrate(example.head)
      }
      #expect(error?.description.contains("needs the training RoIs") == true)
    }
  }

  /// Rare classes score higher than before at their own RoIs.
  @Test func trainingFavoursRareClasses() throws {
    let example = try Example()
    let rare = example.head.groups.members.indices.filter { example.head.groups.members[$0].instanceCount < 10 }
    #expect(!rare.isEmpty)
    let rows = example.source.labels.indices.filter { rare.contains(Int(example.source.labels[$0])) }
    let width = example.head.inputs
    let features = Matrix(
      rows: rows.count, columns: width, values: rows.flatMap { example.source.features[$0 * width..<($0 + 1) * width] })
    func meanScore(_ head: LinearHead) -> Float {
      let scores = head.scores(for: features)
      return rows.enumerated().reduce(0) { $0 + scores[$1.offset, Int(example.source.labels[$1.element])] }
        / Float(rows.count)
    }
    let before = meanScore(example.head)
    for name in ["lws", "crt", "tail-finetune"] {
      let recipe = try CalibrationRecipe(MethodChoice(name: name))
      let after = meanScore(try recipe.calibrate(example.head, on: example.source))
      #expect(after > before, "\(name): \(before) to \(after)")
    }
  }

  private struct Example {
    let source: RoIArrays
    let head: LinearHead

    init() throws {
      let split = SyntheticDetectionSet(seed: 5, configuration: .small).training
      source = split.source
      let groups = try CategoryGroups(counts: split.dataset.categoryCounts())
      let objective = SoftmaxObjective(classCount: groups.classCount)
      var settings = TrainingSettings()
      settings.epochs = 4
      var generator = SeededGenerator(seed: 1)
      let trainer = try HeadTrainer(
        head: LinearHead(
          inputs: source.featureCount, layout: objective.layout, groups: groups, method: "softmax", using: &generator),
        objective: objective, source: source, settings: settings)
      try trainer.run()
      head = trainer.head
    }
  }
}
