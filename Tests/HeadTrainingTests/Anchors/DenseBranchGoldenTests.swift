import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

/// Losses and gradients of whole branches beside torchvision's; `Tests/Scripts/dense_branches.py` makes the files.
@Suite struct DenseBranchGoldenTests {
  private struct Golden: Decodable {
    let norm_groups: Int
    let box_loss: String
    let levels: [[Int]]
    let strides: [Int]
    let sizes: [[Double]]
    let image_size: [Float]
    let maps: [[Float]]
    let objects: [[[Double]]]
    let losses: [String: Double]
    let shapes: [String: [Int]]
    let values: [String: [Float]]
    let gradients: [String: [Double]]
  }

  private static func golden(_ name: String) throws -> Golden {
    try JSONDecoder().decode(
      Golden.self, from: Data(contentsOf: URL(fileURLWithPath: goldenPath("dense_branches/\(name).json"))))
  }

  /// The maps and objects of a case, its head and its regression branch, as files give them.
  private static func withCase<Result>(
    _ golden: Golden,
    _ body: (LabelledMapSet, CategoryGroups, LinearHead, BoxBranch) throws -> Result
  ) throws -> Result {
    try withTemporaryFolder { folder in
      let levels = golden.levels.map { FeatureMapSet.LevelShape(height: $0[0], width: $0[1]) }
      let anchors = AnchorSettings(sizes: golden.sizes, ratios: [1], strides: golden.strides)
      let writer = try FeatureMapSetWriter(at: "\(folder)/maps", channelCount: 4, metadata: anchors.metadata)
      for (index, maps) in golden.maps.enumerated() {
        try writer.append(
          ImageMaps(
            imageID: index + 1, levels: levels, features: maps,
            size: SIMD2(golden.image_size[1], golden.image_size[0])))
      }
      try writer.finish()
      var annotations: [LVISAnnotation] = []
      for (image, objects) in golden.objects.enumerated() {
        for object in objects {
          annotations.append(
            LVISAnnotation(
              id: annotations.count + 1, imageID: image + 1, categoryID: Int(object[4]) + 1,
              box: BoundingBox(
                x: object[0], y: object[1], width: object[2] - object[0], height: object[3] - object[1])))
        }
      }
      let dataset = LVISDataset(
        images: (1...golden.maps.count).map {
          LVISImage(id: $0, width: 48, height: 40, negativeCategoryIDs: [], notExhaustiveCategoryIDs: [])
        },
        categories: (1...3).map { LVISCategory(id: $0, name: "class \($0)", frequency: .common) },
        annotations: annotations)
      let groups = try CategoryGroups(counts: dataset.categoryCounts())
      let tensors = golden.values.sorted { $0.key < $1.key }.map { name, values in
        NamedTensor(name, floats: values, shape: golden.shapes[name] ?? [])
      }
      try writeSafetensors(tensors, metadata: [:], to: "\(folder)/detector.safetensors")
      var head = try LinearHead(contentsOf: "\(folder)/detector.safetensors", groups: groups)
      var branch = try #require(try BoxBranch(ifIn: SafetensorsFile(at: "\(folder)/detector.safetensors")))
      if golden.norm_groups > 0 {
        #expect(head.tower.normGroups == nil && branch.tower.normGroups == nil)
        head = try head.statingNormGroups(golden.norm_groups)
        branch = try branch.statingNormGroups(golden.norm_groups)
      }
      return try body(
        LabelledMapSet(FeatureMapSet(at: "\(folder)/maps"), assignedFrom: dataset, groups: groups), groups, head, branch
      )
    }
  }

  /// The tensors of a branch by torchvision's names.
  private static func tensors(_ last: LinearRows, _ tower: ConvolutionTower, branch: String, name: String)
    -> [String: [Float]]
  {
    var all = ["head.\(branch).\(name).weight": LinearRows.convolution(last.weight).values]
    all["head.\(branch).\(name).bias"] = last.bias
    for (index, layer) in tower.layers.enumerated() {
      all["head.\(branch).conv.\(index).0.weight"] = LinearRows.convolution(layer.weight).values
      if !layer.bias.isEmpty { all["head.\(branch).conv.\(index).0.bias"] = layer.bias }
      if let norm = layer.norm {
        all["head.\(branch).conv.\(index).1.weight"] = norm.scale
        all["head.\(branch).conv.\(index).1.bias"] = norm.shift
      }
    }
    return all
  }

  private static func tensors(_ head: LinearHead, _ branch: BoxBranch) -> [String: [Float]] {
    tensors(head.classifier, head.tower, branch: "classification_head", name: "cls_logits").merging(
      tensors(branch.last, branch.tower, branch: "regression_head", name: "bbox_reg")
    ) { own, _ in own }
  }

  @Test(arguments: ["v1", "v2"], [1, 3]) func lossesAndGradientsAreTorchvisions(name: String, threads: Int) throws {
    let golden = try Self.golden(name)
    try Self.withCase(golden) { source, groups, head, branch in
      // One step of rate 1 without momentum moves every number by its gradient.
      let settings = TrainingSettings(
        epochs: 1, imagesPerBatch: 2, learningRate: 1, milestones: [], warmupSteps: 0, gradientClip: nil, momentum: 0,
        weightDecay: 0, threads: threads)
      var recipe = TrainingRecipe(
        MethodChoice(name: "focal"), boxes: BoxChoice(loss: MethodChoice(name: golden.box_loss)), settings: settings,
        normalizer: .perImage)
      recipe.architecture.tower = TowerArchitecture(layers: 4, normGroups: golden.norm_groups)
      let trainer = try recipe.trainer(
        on: source, groups: groups, imageCount: 2,
        startingFrom: PrerequisiteHeads(initial: head, boxBranch: branch))
      #expect(trainer.componentNames.last == "box")
      #expect(Self.tensors(trainer.head, try #require(trainer.boxBranch)) == Self.tensors(head, branch))
      let step = try trainer.step()
      #expect(relativeDifference(step.losses.dropLast().reduce(0, +), golden.losses["classification"] ?? 0) < 1e-5)
      #expect(relativeDifference(step.losses.last ?? 0, golden.losses["bbox_regression"] ?? 0) < 1e-5)
      let moved = Self.tensors(trainer.head, try #require(trainer.boxBranch))
      #expect(moved.keys.sorted() == golden.gradients.keys.sorted())
      for (key, gradient) in golden.gradients {
        let own = zip(golden.values[key] ?? [], moved[key] ?? []).map { Double($0) - Double($1) }
        let largest = gradient.map(abs).max() ?? 0
        #expect(largestDifference(own, gradient) < 1e-5 * max(1, largest), "\(key)")
      }
    }
  }
}
