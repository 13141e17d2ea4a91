import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

@Suite struct AdversaryTrainingTests {
  private let groups: CategoryGroups
  private let source: RoIArrays

  init() throws {
    groups = try exampleGroups()
    var source = exampleRoIs(classCount: groups.classCount, featureCount: 3 * 5 * 4)
    source.pooledShape = PooledShape(channels: 3, height: 5, width: 4)
    self.source = source
  }

  private static let small = [
    "occluder-channels": "4", "occluder-candidates": "8", "occluder-dropped": "5", "deformer-blocks": "2",
    "head-share": "0.25", "adversary-share": "0.25", "adversary-rate": "0.05", "occluder-fall": "0",
    "occluder-loss-weight": "1",
  ]

  private func recipe(_ name: String, method: String = "softmax", hidden: [Int] = [8], _ more: [String: String] = [:])
    throws -> TrainingRecipe
  {
    let declared = Set(try #require(AdversaryMethod.named(name)).parameters.map(\.name))
    return TrainingRecipe(
      MethodChoice(name: method),
      adversary: MethodChoice(
        name: name, parameters: Self.small.filter { declared.contains($0.key) }.merging(more) { $1 }),
      architecture: HeadArchitecture(hidden: hidden),
      settings: TrainingSettings(epochs: 8, imagesPerBatch: 4, learningRate: 0.05, milestones: [6], warmupSteps: 0))
  }

  private func trainer(_ recipe: TrainingRecipe, source: RoIArrays? = nil) throws -> HeadTrainer {
    try recipe.trainer(on: source ?? self.source, groups: groups, imageCount: 20)
  }

  @Test(arguments: ["occlusion", "occlusion-paper", "deformation"], [[8], []])
  func threeStagesFollowEachOther(name: String, hidden: [Int]) throws {
    let trainer = try trainer(recipe(name, hidden: hidden))
    let plain = try TrainingRecipe(
      MethodChoice(name: "softmax"), architecture: HeadArchitecture(hidden: hidden),
      settings: trainer.settings
    ).trainer(on: source, groups: groups, imageCount: 20)
    func own(_ trainer: HeadTrainer) -> [Parameter] {
      trainer.checkpoint().parameters.filter { $0.name.hasPrefix("occluder") || $0.name.hasPrefix("deformer") }
    }
    let start = own(trainer)
    #expect(!start.isEmpty && trainer.stepCount == 40)
    // The head alone: as without an adversary, which learns nothing yet.
    for _ in 0..<10 {
      #expect(try trainer.step().losses[0] == plain.step().losses[0])
    }
    #expect(own(trainer) == start && trainer.head.weight == plain.head.weight)
    // The adversary alone: the head stays as it is.
    let head = trainer.head
    for _ in 10..<20 { #expect(try trainer.step().gradientNorm == 0) }
    #expect(trainer.head.weight == head.weight && trainer.head.hidden == head.hidden)
    let learnt = own(trainer)
    #expect(learnt.map(\.values) != start.map(\.values))
    // Both.
    try trainer.run()
    #expect(trainer.head.weight != head.weight && own(trainer).map(\.values) != learnt.map(\.values))
  }

  @Test func theOccluderFindsWhatTheHeadLooksAt() throws {
    // The class stands in one corner of the map alone; windows there cost the head most.
    var generator = SeededGenerator(seed: 8)
    let shape = PooledShape(channels: 8, height: 5, width: 5)
    let labels = (0..<160).map { _ in Int32.random(in: -1..<8, using: &generator) }
    var features = (0..<labels.count * shape.count).map { _ in Float(0.2 * standardNormal(using: &generator)) }
    for (row, label) in labels.enumerated() where label >= 0 {
      for cell in [0, 1, 5, 6] { features[row * shape.count + Int(label) * 25 + cell] += 2 }
    }
    var source = RoIArrays(
      features: features, featureCount: shape.count, labels: labels, roisPerImage: Array(repeating: 8, count: 20))
    source.pooledShape = shape
    var recipe = try recipe(
      "occlusion", ["head-share": "0.5", "adversary-share": "0.5", "occluder-kept-gradient": "1"])
    recipe.settings.epochs = 30
    recipe.settings.milestones = []
    let trainer = try trainer(recipe, source: source)
    while trainer.stepsTaken < trainer.stepCount / 2 { _ = try trainer.step() }
    let first = try #require(try trainer.step().losses.last)
    var last = first
    while trainer.stepsTaken < trainer.stepCount { last = try #require(try trainer.step().losses.last) }
    // A constant probability of 4 cells in 25 has a cross-entropy of .44.
    #expect(first > 0.4 && last < 0.3, "\(first) to \(last)")
  }

  @Test(arguments: ["occlusion", "deformation"], [3, 14, 27])
  func aCheckpointGoesOnToTheSameBytes(name: String, steps: Int) throws {
    let (whole, first, second) = try (trainer(recipe(name)), trainer(recipe(name)), trainer(recipe(name)))
    try whole.run()
    try first.run(upTo: steps)
    try withTemporaryFolder { folder in
      try first.checkpoint().write(to: folder + "/checkpoint.safetensors")
      try second.restore(TrainingCheckpoint.read(from: folder + "/checkpoint.safetensors").checkpoint)
    }
    try second.run()
    #expect(second.checkpoint().parameters.map(\.values) == whole.checkpoint().parameters.map(\.values))
    #expect(second.checkpoint().parameters.map(\.velocity) == whole.checkpoint().parameters.map(\.velocity))
    #expect(throws: TrainingError.self) {
      try trainer(recipe(name)).restore(
        TrainingRecipe(
          MethodChoice(name: "softmax"), architecture: HeadArchitecture(hidden: [8]), settings: first.settings
        ).trainer(on: source, groups: groups, imageCount: 20).checkpoint())
    }
  }

  /// Away from the corners of ReLU: the occluder's gradient beside differences of its loss.
  @Test func theOccludersGradientIsItsDifference() throws {
    var recipe = try recipe("occlusion", ["head-share": "0", "adversary-share": "1", "occluder-kept-gradient": "1"])
    recipe.settings.imagesPerBatch = 20
    recipe.settings.gradientClip = nil
    recipe.settings.weightDecay = 0
    let trainer = try trainer(recipe)
    let start = trainer.checkpoint()
    _ = try trainer.step()
    let after = trainer.checkpoint().parameters
    let names = start.parameters.indices.filter { start.parameters[$0].name.hasPrefix("occluder") }
    #expect(names.count == 10)
    for index in names {
      let gradient = after[index].velocity.storage.map { Double($0) }
      let values = start.parameters[index].values
      let error = gradientError(gradient, at: values.storage.map { Double($0) }, samples: 12, step: 2e-3) { moved in
        var checkpoint = start
        checkpoint.parameters[index].values = Matrix(
          rows: values.rows, columns: values.columns, values: moved.map { Float($0) })
        guard (try? trainer.restore(checkpoint)) != nil, let step = try? trainer.step() else { return .nan }
        return step.losses.last ?? .nan
      }
      #expect(error < 0.03, "\(start.parameters[index].name)")
    }
  }

  @Test func whatDoesNotGoTogetherIsRefused() throws {
    func message(_ recipe: TrainingRecipe, source: RoIArrays? = nil) -> String {
      do {
        _ = try trainer(recipe, source: source)
        return ""
      } catch {
        return "\(error)"
      }
    }
    var flat = source
    flat.pooledShape = nil
    #expect(message(try recipe("occlusion"), source: flat).contains("works on pooled maps, features [N, C, H, W]"))
    #expect(message(try recipe("occlusion", ["occluder-candidates": "21"])).contains("a map of 5 × 4 has 20"))
    #expect(message(try recipe("occlusion", ["occluder-window": "5"])).contains("the maps are 5 × 4"))
    #expect(message(try recipe("occlusion", ["occluder-dropped": "9"])).contains("cannot be drawn from"))
    #expect(message(try recipe("deformation", ["deformer-blocks": "4"])).contains("the maps have 3 channels"))
    #expect(message(try recipe("occlusion", ["head-share": "0.9"])).contains("more than 1 together"))
    #expect(message(try recipe("occlusion", method: "ldam", hidden: [])).contains("logits that are linear"))
    #expect(message(try recipe("occlusion", ["occluder-chanels": "3"])).contains("is no parameter of occlusion"))
    var staged = try recipe("occlusion", hidden: [])
    staged.architecture.temperature = 20
    #expect(message(staged).contains("not for several or a normed one"))
    var boxes = try recipe("occlusion", hidden: [])
    boxes.boxes = BoxChoice(loss: MethodChoice(name: "smooth-l1"))
    #expect(message(boxes).contains("a box regressor is not trained beside"))
    // Pooled maps without an adversary are features like any other.
    #expect(try trainer(recipe("occlusion", method: "bags")).head.inputs == 60)
    let linear = TrainingRecipe(MethodChoice(name: "ldam"), settings: TrainingSettings(epochs: 1))
    #expect(message(linear).isEmpty)
  }

  @Test func aRecipeIsKeptWithItsAdversary() throws {
    let recipe = try recipe("occlusion")
    #expect(try TrainingRecipe(json: Data(recipe.json().utf8)) == recipe)
    #expect(try recipe.json().contains("\"adversary\""))
    #expect(!(try TrainingRecipe(MethodChoice(name: "bags")).json().contains("adversary")))
  }
}
