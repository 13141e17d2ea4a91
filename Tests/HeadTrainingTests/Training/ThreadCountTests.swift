import DetectionHeads
import FeatureSets
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// A training comes to the same numbers, byte for byte, on any number of threads.
@Suite struct ThreadCountTests {
  @Test(arguments: TrainingMethod.all.map(\.name)) func theHeadDoesNotDependOnIt(name: String) throws {
    let alone = try train(name, threads: 1)
    #expect(try train(name, threads: 2) == alone)
    #expect(try train(name, threads: 5) == alone)
  }

  @Test func norWithEveryRoIInEveryGroup() throws {
    let all = ["others-ratio": "1000"]
    #expect(try train("bags", all, threads: 3) == train("bags", all, threads: 1))
  }

  private struct Trained: Equatable {
    let weight: [Float]
    let bias: [Float]
    let loss: Double
    let norm: Double
  }

  private func train(_ name: String, _ parameters: [String: String] = [:], threads: Int) throws -> Trained {
    // More logits than a panel and a strip hold, and as many RoIs a batch as make several tiles.
    let counts = (0..<70).map { [3, 40, 400, 5000][$0 % 4] }
    let groups = try CategoryGroups(instances: counts)
    let source = exampleRoIs(classCount: counts.count, featureCount: 45)
    var recipe = TrainingRecipe(MethodChoice(name: name, parameters: parameters))
    recipe.settings.epochs = 2
    recipe.settings.imagesPerBatch = 10
    recipe.settings.learningRate = 0.1
    recipe.settings.threads = threads
    var heads = PrerequisiteHeads()
    if name == "disalign" {
      heads.initial = try exampleHead(SoftmaxLayout(classCount: counts.count), inputs: 45, groups: groups)
    }
    let trainer = try recipe.trainer(
      on: source, groups: groups, imageCount: source.imageCount, startingFrom: heads)
    var (loss, norm) = (0.0, 0.0)
    while trainer.stepsTaken < trainer.stepCount {
      let step = try trainer.step()
      (loss, norm) = (loss + step.loss, norm + step.gradientNorm)
    }
    #expect(loss.isFinite && norm > 0)
    return Trained(weight: trainer.head.weight.storage, bias: trainer.head.bias, loss: loss, norm: norm)
  }
}
