import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import TestSupport
import Testing

/// A step of a dense head beside torchvision's and mmdetection's loss and gradients, each with its own assignment and
/// divisor; `Tests/Scripts/dense_losses.py` makes the file.
@Suite struct DenseLossGoldenTests {
  struct Golden: Decodable, CustomStringConvertible {
    struct Step: Decodable {
      let loss: Double
      let weight: [Float]
      let bias: [Float]
    }

    let framework: AnchorConvention
    let method: String
    let parameters: [String: String]
    let normalizer: AnchorNormalizer
    let levels: [[Int]]
    let strides: [Int]
    let sizes: [[Double]]
    let image_size: [Float]
    let features: [Float]
    let objects: [[[Double]]]
    let labels: [[Int]]
    let head_weight: [Float]
    let head_bias: [Float]
    let steps: [Step]

    var description: String { "\(framework) \(method)" }
  }

  static func cases() throws -> [Golden] {
    let data = try Data(contentsOf: URL(fileURLWithPath: goldenPath("anchors/losses.json")))
    return try JSONDecoder().decode([Golden].self, from: data)
  }

  private static let (classCount, channelCount) = (4, 3)

  /// The maps and objects of a case, as files.
  private static func source(_ golden: Golden, groups: CategoryGroups, in folder: String) throws -> LabelledMapSet {
    let writer = try FeatureMapSetWriter(
      at: folder, channelCount: channelCount, elementType: .float32,
      metadata: AnchorSettings(
        sizes: golden.sizes, ratios: [1], strides: golden.strides, convention: golden.framework
      ).metadata)
    let shapes = golden.levels.map { FeatureMapSet.LevelShape(height: $0[0], width: $0[1]) }
    let length = channelCount * shapes.reduce(0) { $0 + $1.count }
    var annotations: [LVISAnnotation] = []
    for (image, objects) in golden.objects.enumerated() {
      try writer.append(
        ImageMaps(
          imageID: image + 1, levels: shapes, features: Array(golden.features[image * length..<(image + 1) * length]),
          size: SIMD2(golden.image_size[1], golden.image_size[0])))
      for (box, label) in zip(objects, golden.labels[image]) {
        annotations.append(
          LVISAnnotation(
            id: annotations.count + 1, imageID: image + 1, categoryID: label + 1,
            box: BoundingBox(x: box[0], y: box[1], width: box[2] - box[0], height: box[3] - box[1])))
      }
    }
    try writer.finish()
    let dataset = LVISDataset(
      images: golden.objects.indices.map {
        LVISImage(
          id: $0 + 1, width: Int(golden.image_size[1]), height: Int(golden.image_size[0]), negativeCategoryIDs: [],
          notExhaustiveCategoryIDs: [])
      }, categories: groups.members.map { LVISCategory(id: $0.id, name: $0.name, frequency: .common) },
      annotations: annotations)
    return try LabelledMapSet(FeatureMapSet(at: folder), assignedFrom: dataset, groups: groups)
  }

  @Test func everyFrameworkIsThere() throws {
    let names = try Self.cases().map(\.description)
    #expect(
      names == [
        "torchvision focal", "mmdetection focal", "mmdetection balanced-bce", "mmdetection bce", "mmdetection ghm",
      ])
  }

  @Test(arguments: try cases()) func lossAndGradientsAreTheFrameworks(golden: Golden) throws {
    try withTemporaryFolder { folder in
      let groups = try CategoryGroups(
        counts: (1...Self.classCount).map { CategoryCount(id: $0, name: "class \($0)", instances: 1, images: 1) })
      let source = try Self.source(golden, groups: groups, in: "\(folder)/maps")
      let start = try LinearHead(
        weight: LinearRows.patchRows(golden.head_weight, rows: golden.head_bias.count, channels: Self.channelCount),
        bias: golden.head_bias,
        layout: AnchoredLayout(SigmoidLayout(classCount: Self.classCount), anchorCount: golden.sizes[0].count),
        groups: groups, method: golden.method)
      func trainer(rate: Double) throws -> HeadTrainer {
        var settings = TrainingSettings(
          epochs: golden.steps.count, imagesPerBatch: 3, learningRate: rate, milestones: [], warmupSteps: 0)
        (settings.momentum, settings.weightDecay, settings.gradientClip) = (0, 0, nil)
        return try TrainingRecipe(
          MethodChoice(name: golden.method, parameters: golden.parameters), settings: settings,
          normalizer: golden.normalizer
        ).trainer(on: source, groups: groups, imageCount: 3, startingFrom: PrerequisiteHeads(initial: start))
      }
      // Steps that move nothing, and from where each begins one that moves by the gradient.
      let still = try trainer(rate: 1e-30)
      for step in golden.steps {
        let moving = try trainer(rate: 1)
        try moving.restore(still.checkpoint())
        let loss = try moving.step().loss
        #expect(abs(loss - step.loss) < 2e-6 * step.loss, "\(loss), not \(step.loss)")
        _ = try still.step()
        let (before, after) = (still.head, moving.head)
        let gradient = zip(before.weight.storage, after.weight.storage).map { $0 - $1 }
        let expected = LinearRows.patchRows(
          step.weight, rows: golden.head_bias.count, channels: Self.channelCount
        ).storage
        #expect(largestDifference(gradient, expected) < 1e-5)
        #expect(largestDifference(zip(before.bias, after.bias).map { $0 - $1 }, step.bias) < 1e-5)
      }
    }
  }
}
