import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// Against mmdetection's `NormedLinear` (`case_normed_linear_1.json`).
@Suite struct NormedLayerTests {
  @Test func logitsMatchTheReference() throws {
    for golden in try GoldenCase.losses("case_normed_linear_1.json") {
      let head = try head(golden)
      let features = try golden.inputs.matrix("features", columns: head.inputs, as: Float.self)
      var logits = [Float](repeating: 0, count: features.rows * head.bias.count)
      head.logits(features: features.storage, count: features.rows, into: &logits)
      #expect(try largestDifference(logits, golden.outputs.numbers("logits")) < 1e-5, "\(golden)")
      #expect(head.classWeightNorms.allSatisfy { $0 == 1 })
    }
  }

  /// One step of the trainer at rate 1 moves the layer by its gradient.
  @Test func gradientMatchesTheReference() throws {
    for golden in try GoldenCase.losses("case_normed_linear_1.json") {
      let head = try head(golden)
      let features = try golden.inputs.matrix("features", columns: head.inputs, as: Float.self)
      let labels = try golden.inputs.labels(
        count: features.rows, classCount: head.layout.classCount, background: .first)
      let source = RoIArrays(
        features: features.storage, featureCount: head.inputs, labels: labels, roisPerImage: [features.rows])
      let trainer = try HeadTrainer(
        head: head, objective: SoftmaxObjective(classCount: head.layout.classCount), source: source,
        settings: Self.plainSettings)
      let step = try trainer.step()
      #expect(try relativeDifference(step.loss, golden.outputs.number("total_loss")) < 1e-5, "\(golden)")
      func moved(_ before: [Float], _ after: [Float]) -> [Float] { zip(before, after).map { $0 - $1 } }
      let ofWeight = moved(head.weight.storage, trainer.head.weight.storage)
      let ofBias = moved(head.bias, trainer.head.bias)
      #expect(try largestDifference(ofWeight, golden.outputs.numbers("grad_weight")) < 1e-5, "\(golden)")
      #expect(try largestDifference(ofBias, golden.outputs.numbers("grad_bias")) < 1e-5, "\(golden)")
      #expect(trainer.head.layout.tensors == head.layout.tensors && trainer.head.layout.name == "normed-softmax")
    }
  }

  /// Under every loss that it goes with: trained by a recipe, written, read, and trained on from the file.
  @Test(arguments: TrainingMethod.all.filter { !["ldam", "disalign"].contains($0.name) }.map(\.name))
  func isTrainedWrittenAndReadUnderALoss(name: String) throws {
    let groups = try exampleGroups()
    let source = exampleRoIs(classCount: 8)
    var recipe = TrainingRecipe(MethodChoice(name: name))
    recipe.architecture.temperature = 15
    recipe.settings.epochs = 2
    recipe.settings.threads = 1
    let again = try TrainingRecipe(json: Data(recipe.json().utf8))
    #expect(again == recipe)
    let trainer = try recipe.trainer(on: source, groups: groups, imageCount: 3000)
    try trainer.run()
    let head = trainer.head
    let features = Matrix(rows: source.labels.count, columns: source.featureCount, values: source.features)
    let scores = head.scores(for: features)
    #expect(scores.storage.allSatisfy { $0 >= 0 && $0 <= 1 })
    try withTemporaryFolder { folder in
      try head.write(to: "\(folder)/head.safetensors")
      let read = try LinearHead(contentsOf: "\(folder)/head.safetensors")
      #expect(read.layout.name == head.layout.name && read.layout.name.hasPrefix("normed-"))
      #expect(read.scores(for: features) == scores)
      let next = try recipe.trainer(
        on: source, groups: groups, imageCount: 3000, startingFrom: PrerequisiteHeads(initial: read))
      #expect(next.head.scores(for: features).storage.count == scores.storage.count)
      let index = head.layout.logit(ofClass: 3)
      #expect(next.head.bias[index] == head.bias[index] && next.head.weight.row(index) == head.weight.row(index))
    }
  }

  @Test func refusesWhatItDoesNotGoWith() throws {
    let source = exampleRoIs(classCount: 8)
    func error(_ name: String, _ change: (inout HeadArchitecture) -> Void = { _ in }) throws -> String {
      var recipe = TrainingRecipe(MethodChoice(name: name))
      recipe.architecture.temperature = 20
      change(&recipe.architecture)
      let error = #expect(throws: TrainingRecipeError.self) {
        try recipe.trainer(on: source, groups: exampleGroups(), imageCount: 20)
      }
      return error?.description ?? ""
    }
    #expect(try error("ldam").contains("normed linear layer needs"))
    #expect(try error("softmax") { $0.hidden = [4] }.contains("not trained together with hidden layers"))
    #expect(try error("softmax") { $0.temperature = -1 }.contains("temperature must be above 0"))
  }

  /// From a linear head come the directions; its biases are of another scale.
  @Test func startsWithTheDirectionsOfALinearHead() throws {
    let linear = try exampleHead(SoftmaxLayout(classCount: 8))
    var normed = try exampleHead(NormedLayout(SoftmaxLayout(classCount: 8), temperature: 8))
    normed.bias = Array(repeating: 0, count: 9)
    try normed.copyClasses(from: linear)
    #expect(normed.weight == linear.weight && normed.bias.allSatisfy { $0 == 0 })
  }

  private static var plainSettings: TrainingSettings {
    var settings = TrainingSettings()
    settings.epochs = 1
    settings.warmupSteps = 0
    settings.momentum = 0
    settings.weightDecay = 0
    settings.gradientClip = nil
    settings.learningRate = 1
    return settings
  }

  private func head(_ golden: GoldenCase) throws -> LinearHead {
    let weight = try golden.inputs.matrix("weight", as: Float.self)
    try #require(weight.rows > 1)
    return try LinearHead(
      weight: weight, bias: try golden.inputs.numbers("bias", count: weight.rows).map { Float($0) },
      layout: NormedLayout(
        SoftmaxLayout(classCount: weight.rows - 1),
        temperature: Float(try golden.hyperparameters.number("temperature"))),
      groups: CategoryGroups(instances: Array(1..<weight.rows)), method: "softmax")
  }
}
