import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import SyntheticData
import Synchronization
import TestSupport
import Testing

/// Trainings that run side by side in one process come to what they come to one after the other, byte for byte.
@Suite struct ConcurrentTrainingTests {
  private struct Trained: Equatable, Sendable {
    let weight: [Float]
    let bias: [Float]
    let boxWeight: [Float]?
  }

  private static let recipes: [TrainingRecipe] = {
    var settings = TrainingSettings()
    settings.epochs = 6
    settings.imagesPerBatch = 4
    return [
      ("bags", 1, [], nil), ("softmax", 2, [], nil), ("bags", 2, [16], nil),
      ("softmax", 1, [], BoxChoice(loss: MethodChoice(name: "smooth-l1"), classes: .agnostic, convention: .standard)),
    ].map { name, threads, hidden, boxes in
      var recipe = TrainingRecipe(MethodChoice(name: name))
      recipe.settings = settings
      recipe.settings.threads = threads
      recipe.architecture.hidden = hidden
      recipe.boxes = boxes
      return recipe
    }
  }()

  private static func train(_ recipe: TrainingRecipe) throws -> Trained {
    let training = SyntheticDetectionSet(configuration: .small).training
    let groups = try CategoryGroups(counts: training.dataset.categoryCounts())
    let trainer = try recipe.trainer(
      on: training.source, groups: groups, imageCount: training.dataset.images.count)
    try trainer.run(TrainingHooks())
    return Trained(
      weight: trainer.head.weight.storage, bias: trainer.head.bias, boxWeight: trainer.boxRegressor?.weight.storage)
  }

  @Test func comeToTheSameAsOneAfterTheOther() throws {
    let alone = try Self.recipes.map(Self.train)
    let together = Mutex([Trained?](repeating: nil, count: Self.recipes.count))
    DispatchQueue.concurrentPerform(iterations: Self.recipes.count) { index in
      let trained = try? Self.train(Self.recipes[index])
      together.withLock { $0[index] = trained }
    }
    #expect(together.withLock { $0 } == alone)
  }
}
