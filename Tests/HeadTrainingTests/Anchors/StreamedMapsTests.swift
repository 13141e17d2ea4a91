import DetectionHeads
import FeatureSets
import Foundation
import HeadInference
import HeadLosses
import HeadTraining
import LVISDatasets
import TensorFiles
import TestSupport
import Testing

/// Sets of feature maps larger than the memory that they may take, in several shards, and as NumPy archives.
@Suite struct StreamedMapsTests {
  private func head(on source: LabelledMapSet, _ groups: CategoryGroups, memoryLimit: Int) throws -> LinearHead {
    var settings = TrainingSettings(epochs: 2, imagesPerBatch: 2, learningRate: 0.1, milestones: [], warmupSteps: 0)
    settings.memoryLimit = memoryLimit
    let trainer = try TrainingRecipe(MethodChoice(name: "focal"), settings: settings).trainer(
      on: source, groups: groups, imageCount: source.imageCount)
    try trainer.run()
    return trainer.head
  }

  /// Where pages are let go of after every batch, the numbers are those that were written, shard after shard.
  @Test func aLargerSetIsReadAsASmallOneIs() throws {
    try withTemporaryFolder { folder in
      let set = SmallMapSet(imageCount: 12)
      try set.write(to: "\(folder)/one")
      try set.write(to: "\(folder)/many", shardByteCount: 1)
      let groups = try exampleGroups()
      let (one, many) = try (FeatureMapSet(at: "\(folder)/one"), FeatureMapSet(at: "\(folder)/many"))
      let (first, second) = try (
        LabelledMapSet(one, assignedFrom: set.dataset, groups: groups),
        LabelledMapSet(many, assignedFrom: set.dataset, groups: groups)
      )
      #expect(ExampleCensus(of: first, groups: groups) == ExampleCensus(of: second, groups: groups))
      // A limit of one byte streams the set; its images are then shuffled with locality.
      let streamed = try [first, second].map { try head(on: $0, groups, memoryLimit: 1) }
      #expect(streamed[0].weight == streamed[1].weight && streamed[0].bias == streamed[1].bias)
      let whole = try head(on: first, groups, memoryLimit: 1 << 30)
      #expect(whole.weight.storage.allSatisfy(\.isFinite) && streamed[0].weight.storage.allSatisfy(\.isFinite))
      try many.checkFeatures()
      let detections = try streamed[0].detections(for: one)
      #expect(try !detections.isEmpty && detections == streamed[0].detections(for: many))
    }
  }

  @Test func archivesOfNumPyTrainTheSameHead() throws {
    try withTemporaryFolder { folder in
      var set = SmallMapSet()
      set.metadata["anchor_convention"] = "torchvision"
      try set.write(to: "\(folder)/maps")
      let images = set.images
      let shapes = images.flatMap { $0.levels.flatMap { [$0.height, $0.width] } }
      try makeFolderOfArchive(
        [
          NamedTensor("features", floats: images.flatMap(\.features), shape: [39 * images.count, 4]),
          NamedTensor("image_ids", integers: images.map { Int64($0.imageID) }, shape: [images.count]),
          NamedTensor("level_shapes", integers: shapes.map { Int64($0) }, shape: [images.count, 2, 2]),
          NamedTensor("image_scales", floats: images.flatMap { _ in [1, 1] }, shape: [images.count, 2]),
          NamedTensor("image_sizes", integers: images.flatMap { _ in [40, 48] }, shape: [images.count, 2]),
          NamedTensor("strides", integers: [8, 16], shape: [2]),
          NamedTensor("anchor_sizes", floats: [16, 24, 32, 48], shape: [2, 2]),
          NamedTensor("anchor_ratios", floats: [1], shape: [1]),
        ], at: "\(folder)/archive")
      let groups = try exampleGroups()
      let heads = try ["maps", "archive"].map {
        try head(
          on: LabelledMapSet(FeatureMapSet(at: "\(folder)/\($0)"), assignedFrom: set.dataset, groups: groups), groups,
          memoryLimit: 1 << 30)
      }
      #expect(heads[0].weight == heads[1].weight && heads[0].bias == heads[1].bias)
    }
  }

  private func makeFolderOfArchive(_ tensors: [NamedTensor], at folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try writeNumPyArchive(tensors, to: "\(folder)/maps.npz")
  }

  /// Positives by group, ignored anchors and background make up all.
  @Test func theCensusCountsEveryAnchor() throws {
    try withTemporaryFolder { folder in
      let set = SmallMapSet()
      try set.write(to: folder)
      let groups = try exampleGroups()
      let source = try LabelledMapSet(FeatureMapSet(at: folder), assignedFrom: set.dataset, groups: groups)
      let census = ExampleCensus(of: source, groups: groups)
      #expect(census.kind == "anchors" && census.images == 6 && census.examples == 6 * 39 * 2)
      #expect(census.groups.reduce(0) { $0 + $1.examples } == source.foregroundCount && source.foregroundCount > 0)
      #expect(census.ignored == source.ignoredCount)
      #expect(census.background == census.examples - source.foregroundCount - source.ignoredCount)
      // Of a part of the images only theirs.
      let part = source.selectingImages(at: [1, 4], annotations: set.dataset)
      let own = ExampleCensus(of: part, groups: groups)
      #expect(own.images == 2 && own.examples == 2 * 39 * 2)
    }
  }
}
