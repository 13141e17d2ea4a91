import DenseLinearAlgebra
import DurableFiles
import FeatureSets
import Foundation
import LVISDatasets

/// A small long-tailed set of feature maps, made from a seed in seconds: annotations, and the maps that the classification
/// tower of a dense detector trained on such data would give.
///
/// Scenes and classes are those of ``SyntheticDetectionSet``, fewer of them. A location's feature follows from the object
/// that one of its anchors overlaps most, as a RoI's does there, and tells which of the anchors that is. Anchors are of three
/// sizes a location on levels of strides 16, 32 and 64. Results on it show the mechanism, they do not predict results on
/// real data.
public struct SyntheticMapSet: Sendable {
  /// Annotations and maps of a part of the set.
  public struct Split: Sendable {
    /// Images, categories and annotations.
    public let dataset: LVISDataset
    fileprivate let scenes: [SyntheticScene]
    fileprivate let purpose: UInt64
  }

  /// The seed that the set was made from.
  public let seed: UInt64
  /// The numbers and strengths that the set was made with.
  public let configuration: SyntheticDetectionSet.Configuration
  /// To train on: long-tailed.
  public let training: Split
  /// To score on: every class often enough to measure it.
  public let validation: Split
  private let proposals: SyntheticProposals
  /// What tells the anchors of a location apart, [3 × C].
  private let sizeDirections: [[Double]]

  private static let strides = [16, 32, 64]
  private static let anchorSizes = [[32.0, 40.3, 50.8], [64, 80.6, 101.6], [128, 161.3, 203.2]]

  /// The numbers of the set as it is made by default: 40 classes, 32 channels.
  public static var defaultConfiguration: SyntheticDetectionSet.Configuration {
    var configuration = SyntheticDetectionSet.Configuration()
    configuration.familyCount = 8
    configuration.largestInstanceCount = 1_200
    configuration.trainingImageCount = 400
    configuration.validationImageCount = 120
    configuration.featureLength = 32
    return configuration
  }

  /// Makes the scenes of a set; the same seed and configuration give the same bytes.
  ///
  /// - Precondition: The configuration has at least two classes, an image in each split, and a feature length above 0.
  public init(seed: UInt64 = 0, configuration: SyntheticDetectionSet.Configuration = Self.defaultConfiguration) {
    precondition(configuration.classCount > 1 && configuration.featureLength > 0)
    precondition(configuration.trainingImageCount > 0 && configuration.validationImageCount > 0)
    self.seed = seed
    self.configuration = configuration
    let root = SeededGenerator(seed: seed)
    var generator = root.derived(for: 11)
    let classes = SyntheticClasses(configuration, using: &generator)
    sizeDirections = (0..<3).map { _ in (0..<configuration.featureLength).map { _ in generator.nearlyNormal() } }
    proposals = SyntheticProposals(configuration: configuration, classes: classes)
    let scenes = SyntheticScenes(configuration: configuration, classes: classes)
    generator = root.derived(for: 12)
    let trainingScenes = scenes.scenes(
      count: configuration.trainingImageCount, firstID: 1, instanceCounts: classes.instanceCounts, using: &generator)
    generator = root.derived(for: 13)
    let validationScenes = scenes.scenes(
      count: configuration.validationImageCount, firstID: 100_001,
      instanceCounts: classes.instanceCounts.map {
        configuration.minimumValidationInstances + Int(Double($0) * configuration.validationShare)
      }, using: &generator)
    let categories = classes.categories(trainingScenes: trainingScenes)
    func split(_ scenes: [SyntheticScene], purpose: UInt64) -> Split {
      Split(
        dataset: LVISDataset(
          images: scenes.map(\.image), categories: categories, annotations: annotations(of: scenes)),
        scenes: scenes, purpose: purpose)
    }
    training = split(trainingScenes, purpose: 14)
    validation = split(validationScenes, purpose: 15)
  }

  /// Writes the set as a user's own would be: `annotations_train.json`, `annotations_val.json`, and the sets of feature maps
  /// `train` and `val`.
  ///
  /// - Parameter folder: Made where it does not exist.
  /// - Throws: `FeatureSetError` if there are shards already; `FileError`.
  public func write(to folder: String) throws {
    try makeFolder(at: folder)
    let title = "Synthetic long-tailed set of feature maps of bags, seed \(seed)"
    typealias Name = SyntheticDetectionSet.FileName
    try training.dataset.write(to: "\(folder)/\(Name.trainingAnnotations)", description: title)
    try validation.dataset.write(to: "\(folder)/\(Name.validationAnnotations)", description: title)
    try write(training, to: "\(folder)/\(Name.trainingFeatures)", title: title)
    try write(validation, to: "\(folder)/\(Name.validationFeatures)", title: title)
  }

  private func write(_ split: Split, to folder: String, title: String) throws {
    let sizes = Self.anchorSizes.map { $0.map { "\($0)" }.joined(separator: ",") }.joined(separator: ";")
    let writer = try FeatureMapSetWriter(
      at: folder, channelCount: configuration.featureLength, elementType: .float16,
      metadata: [
        "description": title, "strides": Self.strides.map(String.init).joined(separator: ","), "anchor_sizes": sizes,
        "anchor_ratios": "1", "anchor_convention": "detectron2",
      ])
    var generator = SeededGenerator(seed: seed).derived(for: split.purpose)
    for scene in split.scenes { try writer.append(maps(of: scene, using: &generator)) }
    try writer.finish()
  }

  private func maps(of scene: SyntheticScene, using generator: inout some RandomNumberGenerator) -> ImageMaps {
    let (width, height) = (scene.image.width, scene.image.height)
    let objects = scene.objects
    let spreads = objects.map { _ in proposals.noise(configuration.objectNoise, using: &generator) }
    var levels: [FeatureMapSet.LevelShape] = []
    var (features, deltas): ([Float], [Float]) = ([], [])
    for (stride, sizes) in zip(Self.strides, Self.anchorSizes) {
      let level = FeatureMapSet.LevelShape(height: (height + stride - 1) / stride, width: (width + stride - 1) / stride)
      levels.append(level)
      for place in 0..<level.count {
        let (x, y) = (Double(place % level.width * stride), Double(place / level.width * stride))
        var best: (object: Int, anchor: Int, share: Double)?
        for (anchor, size) in sizes.enumerated() {
          let box = BoundingBox(x: x - size / 2, y: y - size / 2, width: size, height: size)
          let seen = proposals.highest(objects.map { $0.box.intersectionOverUnion(box) }) { _ in true }
          if let seen, seen.share > best?.share ?? 0 { best = (seen.index, anchor, seen.share) }
          deltas += proposals.regression(
            from: box, towards: seen.flatMap { $0.share > 0.2 ? objects[$0.index].box : nil }, using: &generator)
        }
        var feature = proposals.feature(
          of: best.map { (objects[$0.object].kind, spreads[$0.object]) }, overlap: best?.share ?? 0, using: &generator)
        if let best {
          let seen = min(1, max(0, (best.share - 0.1) / 0.6))
          for index in feature.indices {
            let value = Double(feature[index]) + seen * sizeDirections[best.anchor][index]
            feature[index] = Float((min(31, max(0, value)) * 64).rounded() / 64)
          }
        }
        features += feature
      }
    }
    return ImageMaps(
      imageID: scene.image.id, levels: levels, features: features, size: SIMD2(Float(width), Float(height)),
      boxDeltas: deltas)
  }
}
