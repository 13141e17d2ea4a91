import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

@Suite struct TowerTrainingTests {
  private static func withSource<Result>(
    _ set: SmallMapSet = SmallMapSet(), _ body: (LabelledMapSet, CategoryGroups) throws -> Result
  ) throws -> Result {
    try withTemporaryFolder { folder in
      try set.write(to: folder)
      let groups = try exampleGroups()
      return try body(LabelledMapSet(FeatureMapSet(at: folder), assignedFrom: set.dataset, groups: groups), groups)
    }
  }

  private static func recipe(
    _ method: String = "focal", layers: Int = 2, normGroups: Int = 2, boxes: String? = "giou",
    mining: MethodChoice? = nil, normalizer: AnchorNormalizer? = nil, threads: Int = 2
  ) -> TrainingRecipe {
    TrainingRecipe(
      MethodChoice(name: method), mining: mining, boxes: boxes.map { BoxChoice(loss: MethodChoice(name: $0)) },
      architecture: HeadArchitecture(tower: TowerArchitecture(layers: layers, normGroups: normGroups)),
      settings: TrainingSettings(
        epochs: 3, imagesPerBatch: 2, learningRate: 0.1, milestones: [], warmupSteps: 0, threads: threads),
      normalizer: normalizer)
  }

  /// A head whose every layer matters: fresh weights of .01 would leave nothing of the gradient of the lowest.
  private static func head(
    like fresh: LinearHead, using generator: inout SeededGenerator
  ) -> (head: LinearHead, parameters: [Parameter]) {
    let parameters = fresh.parameters.map { parameter in
      var drawn = parameter
      let isScale = parameter.name.hasSuffix("norm.weight")
      drawn.values.withUnsafeMutableValues { values in
        for index in values.indices {
          values[index] = (isScale ? 1 : 0) + 0.3 * Float(standardNormal(using: &generator))
        }
      }
      return drawn
    }
    return (
      LinearHead(
        parameters: parameters, tower: fresh.tower, layout: fresh.layout, groups: fresh.groups, method: fresh.method),
      parameters
    )
  }

  /// Every parameter's gradient, along a random direction, is the change of the loss.
  @Test(arguments: [("focal", 0), ("focal", 2), ("bags", 2), ("softmax", 4)], [nil, "random"])
  func theGradientIsTheChangeOfTheLoss(way: (method: String, normGroups: Int), mining: String?) throws {
    try Self.withSource { source, groups in
      var recipe = Self.recipe(way.method, normGroups: way.normGroups, boxes: nil)
      if way.method == "bags" { recipe.method.parameters["others-ratio"] = "1e9" }
      recipe.mining = mining.map { MethodChoice(name: $0, parameters: ["rois-per-image": "20"]) }
      recipe.settings = TrainingSettings(
        epochs: 1, imagesPerBatch: 6, learningRate: 1, milestones: [], warmupSteps: 0, gradientClip: nil, momentum: 0,
        weightDecay: 0)
      var generator = SeededGenerator(seed: 11)
      let fresh = try recipe.trainer(on: source, groups: groups, imageCount: 6).head
      let (start, parameters) = Self.head(like: fresh, using: &generator)
      func step(from head: LinearHead) throws -> (loss: Double, head: LinearHead) {
        let trainer = try recipe.trainer(
          on: source, groups: groups, imageCount: 6, startingFrom: PrerequisiteHeads(initial: head))
        return (try trainer.step().loss, trainer.head)
      }
      let moved = try step(from: start).head.parameters
      // `others` start afresh; those of the head that was given count.
      let base = try recipe.trainer(
        on: source, groups: groups, imageCount: 6, startingFrom: PrerequisiteHeads(initial: start)
      ).head.parameters
      for (index, parameter) in parameters.enumerated() where parameter.name.hasPrefix("cls_tower") {
        let direction = parameter.values.storage.map { _ in Float(standardNormal(using: &generator)) }
        let length = direction.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        func loss(_ by: Double) throws -> Double {
          var changed = parameters
          changed[index].values.withUnsafeMutableValues { values in
            for place in values.indices { values[place] += Float(by / length) * direction[place] }
          }
          return try step(
            from: LinearHead(
              parameters: changed, tower: start.tower, layout: start.layout, groups: groups, method: start.method)
          ).loss
        }
        let along = zip(base[index].values.storage, zip(moved[index].values.storage, direction)).reduce(0.0) {
          $0 + (Double($1.0) - Double($1.1.0)) * Double($1.1.1) / length
        }
        let change = (try loss(1e-3) - loss(-1e-3)) / 2e-3
        #expect(abs(change - along) < 0.02 * abs(along) + 2e-3, "\(parameter.name): \(change), \(along)")
      }
    }
  }

  /// A tower that changes nothing: middle taps of 1 on maps that are not negative.
  @Test func aTowerOfIdentitiesChangesNothing() throws {
    var set = SmallMapSet()
    for index in set.images.indices { set.images[index].features = set.images[index].features.map { abs($0) } }
    try Self.withSource(set) { source, groups in
      let plain = try Self.recipe(layers: 0, boxes: nil).trainer(on: source, groups: groups, imageCount: 6).head
      var identity = Matrix<Float>(rows: 4, columns: 36)
      for channel in 0..<4 { identity[channel, 4 * 4 + channel] = 1 }
      let layer = try ConvolutionTower.Layer(weight: identity, bias: [0, 0, 0, 0])
      let deep = LinearHead(
        parameters: plain.parameters + ConvolutionTower([layer, layer]).parameters(prefix: "cls_tower"),
        tower: ConvolutionTower([layer, layer]), layout: plain.layout, groups: groups, method: plain.method)
      func step(_ layers: Int, _ head: LinearHead) throws -> (TrainingStep, LinearHead) {
        let trainer = try Self.recipe(layers: layers, normGroups: 0, boxes: nil).trainer(
          on: source, groups: groups, imageCount: 6, startingFrom: PrerequisiteHeads(initial: head))
        return (try trainer.step(), trainer.head)
      }
      let (a, b) = (try step(0, plain), try step(2, deep))
      #expect(abs(a.0.loss - b.0.loss) < 1e-5 * a.0.loss)
      #expect(b.0.gradientNorm > a.0.gradientNorm)
      #expect(a.1.weight.rows == b.1.weight.rows)
    }
  }

  /// A run that stops and goes on ends with the same bytes, both branches.
  @Test(arguments: [
    ("focal", "giou", AnchorNormalizer.running, nil as String?), ("bags", "ghm-r", .positives, nil),
    ("focal", "l1", .perImage, "ohem-1to3"), ("bce", "smooth-l1", .imagePositives, "random"),
  ]) func goesOnFromACheckpoint(method: String, boxes: String, normalizer: AnchorNormalizer, mining: String?) throws {
    try Self.withSource { source, groups in
      let recipe = Self.recipe(
        method, boxes: boxes, mining: mining.map { MethodChoice(name: $0) },
        normalizer: method == "bags" ? nil : normalizer)
      func trainer() throws -> HeadTrainer { try recipe.trainer(on: source, groups: groups, imageCount: 6) }
      let whole = try trainer()
      try whole.run()
      let first = try trainer()
      try first.run(upTo: 4)
      let second = try trainer()
      try withTemporaryFolder { folder in
        try first.checkpoint().write(to: "\(folder)/c.safetensors")
        try second.restore(TrainingCheckpoint.read(from: "\(folder)/c.safetensors").checkpoint)
      }
      try second.run()
      #expect(second.head.weight == whole.head.weight && second.head.tower == whole.head.tower)
      #expect(second.boxBranch == whole.boxBranch)
      let fresh = try trainer()
      #expect(whole.head.tower != fresh.head.tower && whole.boxBranch?.tower != fresh.boxBranch?.tower)
    }
  }

  /// Training both branches lowers both losses.
  @Test(arguments: ["l1", "giou", "smooth-l1"]) func bothBranchesLearn(boxes: String) throws {
    try Self.withSource { source, groups in
      var recipe = Self.recipe(boxes: boxes)
      recipe.settings.epochs = 40
      recipe.settings.imagesPerBatch = 6
      let trainer = try recipe.trainer(on: source, groups: groups, imageCount: 6)
      let first = try trainer.step()
      while trainer.stepsTaken < trainer.stepCount - 1 { _ = try trainer.step() }
      let last = try trainer.step()
      #expect(last.losses[0] < first.losses[0] && last.losses[1] < 0.95 * first.losses[1])
    }
  }

  /// The file of a head keeps both branches.
  @Test func filesKeepBothBranches() throws {
    try Self.withSource { source, groups in
      let trainer = try Self.recipe().trainer(on: source, groups: groups, imageCount: 6)
      _ = try trainer.step()
      try withTemporaryFolder { folder in
        try trainer.head.write(to: "\(folder)/h.safetensors", boxBranch: trainer.boxBranch)
        let file = try SafetensorsFile(at: "\(folder)/h.safetensors")
        let head = try LinearHead(file)
        #expect(head.tower == trainer.head.tower && head.weight == trainer.head.weight)
        #expect(head.tower.normGroups == 2 && file.metadata["norm_groups"] == "2")
        #expect(try BoxBranch(ifIn: file) == trainer.boxBranch)
        #expect(try BoxRegressor(ifIn: file, groups: groups) == nil)
        #expect(try file.tensor("cls_tower.1.weight").shape == [4, 4, 3, 3])
      }
    }
  }

  /// What a head to start from has must be what is trained.
  @Test func otherTowersAreRefused() throws {
    try Self.withSource { source, groups in
      let two = try Self.recipe(boxes: nil).trainer(on: source, groups: groups, imageCount: 6).head
      for (layers, normGroups) in [(1, 2), (2, 0), (2, 4), (0, 0)] {
        let error = #expect(throws: InitialHeadError.self) {
          try Self.recipe(layers: layers, normGroups: normGroups, boxes: nil).trainer(
            on: source, groups: groups, imageCount: 6, startingFrom: PrerequisiteHeads(initial: two))
        }
        #expect(error?.description.contains("convolutions below the last") == true)
      }
      for (layers, normGroups) in [(9, 0), (-1, 0), (2, 3), (2, -1)] {
        #expect(throws: TrainingRecipeError.self) {
          try Self.recipe(layers: layers, normGroups: normGroups, boxes: nil).trainer(
            on: source, groups: groups, imageCount: 6)
        }
      }
    }
  }
}
