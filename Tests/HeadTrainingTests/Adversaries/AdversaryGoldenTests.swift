import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// A step with each adversary beside the published definitions as torch computes them; `Tests/Scripts/occluder.py` makes the
/// file.
@Suite struct AdversaryGoldenTests {
  private struct Golden: Decodable {
    struct Alone: Decodable {
      let windows: [[Int]]
      let hardest: [Int]
      let loss: Double
      let gradients: [String: [Float]]
    }
    struct Both: Decodable {
      let masks: [[Int]]
      let teaches: [Bool]
      let loss: Double
      let occluder_loss: Double
      let head_gradients: [String: [Float]]
      let gradients: [String: [Float]]
    }
    struct Deformed: Decodable {
      let parameters: [String: [Float]]
      let angles: [[Float]]
      let loss: Double
      let turned: [Float]
      let gradients: [String: [Float]]
    }
    let shape: [Int]
    let rois_per_image: [Int]
    let hidden: [Int]
    let occluder_channels: Int
    let dropped: Int
    let fall: Double
    let blocks: Int
    let degrees: Double
    let features: [Float]
    let labels: [Int32]
    let head: [String: [Float]]
    let occluder: [String: [Float]]
    let alone: Alone
    let both: Both
    let deformed: Deformed
  }

  private let golden: Golden
  private let groups: CategoryGroups

  init() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: goldenPath("adversaries/adversaries.json")))
    golden = try JSONDecoder().decode(Golden.self, from: data)
    groups = try exampleGroups()
  }

  private var shape: PooledShape {
    PooledShape(channels: golden.shape[0], height: golden.shape[1], width: golden.shape[2])
  }

  /// A trainer of one batch, all images in their order, with the weights of the file.
  private func trainer(
    _ adversary: String, _ parameters: [String: String], alone: Bool, threads: Int = 1,
    weights: [String: [Float]]
  ) throws -> HeadTrainer {
    var source = RoIArrays(
      features: golden.features, featureCount: shape.count, labels: golden.labels,
      roisPerImage: golden.rois_per_image)
    source.pooledShape = shape
    let stages = ["head-share": "0", "adversary-share": alone ? "1" : "0"]
    let recipe = TrainingRecipe(
      MethodChoice(name: "softmax"),
      adversary: MethodChoice(name: adversary, parameters: parameters.merging(stages) { $1 }),
      architecture: HeadArchitecture(hidden: golden.hidden),
      settings: TrainingSettings(
        epochs: 1, imagesPerBatch: 3, warmupSteps: 0, gradientClip: nil, weightDecay: 0, seed: seed,
        threads: threads))
    let trainer = try recipe.trainer(on: source, groups: groups, imageCount: 3)
    var checkpoint = trainer.checkpoint()
    for index in checkpoint.parameters.indices {
      let parameter = checkpoint.parameters[index]
      let values = try #require(weights[parameter.name], "\(parameter.name)")
      checkpoint.parameters[index].values = Matrix(
        rows: parameter.values.rows, columns: parameter.values.columns, values: values)
    }
    try trainer.restore(checkpoint)
    return trainer
  }

  /// From rest and without weight decay a parameter's momentum after a step is its gradient.
  private func gradients(of trainer: HeadTrainer) -> [String: [Float]] {
    Dictionary(uniqueKeysWithValues: trainer.checkpoint().parameters.map { ($0.name, $0.velocity.storage) })
  }

  private func expect(_ found: [String: [Float]], are expected: [String: [Float]]) throws {
    for (name, values) in expected.sorted(by: { $0.key < $1.key }) {
      let own = try #require(found[name], "\(name)")
      #expect(largestDifference(own, values) < 1e-4, "\(name)")
    }
    #expect(expected.values.contains { $0.contains { $0 != 0 } })
  }

  private var occluder: [String: String] {
    [
      "occluder-channels": "\(golden.occluder_channels)", "occluder-kept-gradient": "1",
      "occluder-candidates": "\(golden.dropped)", "occluder-dropped": "\(golden.dropped)",
      "occluder-fall": "\(golden.fall)",
    ]
  }

  @Test func windowsAreThoseOfTheCode() {
    #expect(OcclusionMasks.windows(height: 7, width: 7, side: 2, stride: 2) == golden.alone.windows)
  }

  @Test(arguments: [1, 2]) func theOccluderAloneLearnsFromTheHardestWindows(threads: Int) throws {
    let trainer = try trainer(
      "occlusion", occluder, alone: true, threads: threads, weights: golden.head.merging(golden.occluder) { $1 })
    let before = trainer.head
    let step = try trainer.step()
    #expect(abs((step.losses.last ?? 0) - golden.alone.loss) < 1e-5)
    #expect(trainer.componentNames.last == "occlusion")
    try expect(gradients(of: trainer), are: golden.alone.gradients)
    // The head stays as it is.
    #expect(trainer.head.weight == before.weight && trainer.head.hidden == before.hidden && step.gradientNorm == 0)
  }

  @Test(arguments: [1, 2]) func bothLearnFromWhatWasHidden(threads: Int) throws {
    let weights = golden.head.merging(golden.occluder) { $1 }
    let trainer = try trainer("occlusion", occluder, alone: false, threads: threads, weights: weights)
    let step = try trainer.step()
    #expect(abs(step.losses[0] - golden.both.loss) < 1e-5)
    #expect(abs(step.losses[1] - golden.both.occluder_loss) < 1e-7)
    let found = gradients(of: trainer)
    try expect(found, are: golden.both.head_gradients)
    try expect(found, are: golden.both.gradients)
    #expect(golden.both.teaches.contains(true) && golden.both.teaches.contains(false))
  }

  /// A seed by which the first epoch has the second image between the others, so that those are occluded, as in the file.
  private var seed: UInt64 {
    (0..<100).first { seed in
      var order = SeededGenerator(seed: seed).derived(for: 1).derived(for: 1)
      return [0, 1, 2].shuffled(using: &order)[1] == 1
    } ?? 0
  }

  @Test(arguments: [1, 2]) func theDeformerClimbsTheHeadsLoss(threads: Int) throws {
    let parameters = ["deformer-blocks": "\(golden.blocks)", "deformer-degrees": "\(golden.degrees)"]
    let trainer = try trainer(
      "deformation", parameters, alone: true, threads: threads,
      weights: golden.head.merging(golden.deformed.parameters) { $1 })
    let before = trainer.head
    let step = try trainer.step()
    #expect(abs(step.losses[0] - golden.deformed.loss) < 1e-5)
    #expect(trainer.componentNames.count == 1)
    try expect(gradients(of: trainer), are: golden.deformed.gradients)
    #expect(trainer.head.weight == before.weight && trainer.head.hidden == before.hidden)
  }

  @Test func turnsAreThoseOfGridSample() {
    let positives = golden.labels.indices.filter { golden.labels[$0] >= 0 }
    let cells = shape.cellCount
    var found: [Float] = []
    for (place, row) in positives.enumerated() {
      for channel in 0..<shape.channels {
        let block = channel * golden.blocks / shape.channels
        let start = row * shape.count + channel * cells
        var turned = [Float](repeating: 0, count: cells)
        ChannelRotation(angle: golden.deformed.angles[place][block], height: 7, width: 7)
          .apply(to: Array(golden.features[start..<start + cells]), into: &turned)
        found += turned
      }
    }
    #expect(largestDifference(found, golden.deformed.turned) < 1e-5)
  }
}
