import DenseLinearAlgebra
import FeatureSets
import LVISDatasets

/// A long-tailed detection set with the shape of LVIS, made from a seed in a second: annotations, and the RoI features
/// that a detector trained on such data would compute.
///
/// It is there to try the whole path without downloads. Classes come in families; each family holds frequent and rare
/// ones. A RoI's feature, before the detector's ReLU, is
///
///     offset + q · (family + s(n_c) · class + object) + (1 − q) · texture + noise
///
/// with q growing from 0 to 1 with the RoI's overlap with the object. The long tail enters twice, as in a detector that
/// was trained on long-tailed data:
///
/// - s(n_c), the strength of what tells a class from its family, grows with the training instances n_c: the layers below
///   have learned less of what makes a rare class.
/// - The classifier sees a rare class in few of its batches, while every RoI of any other class pushes its logit down.
///   Softmax therefore leaves its weight row short and never predicts it, though the feature tells it apart; balanced
///   group softmax, where it competes with its like and with a bounded number of `others`, finds it.
///
/// Objects of foreign classes that resemble a family (distractors), near misses and textures are background. Labels are
/// federated: some absent classes are verified (`neg_category_ids`), some objects were never labelled, and where an
/// image has labelled ones of the same class it says so (`not_exhaustive_category_ids`). r, c and f come from the
/// training images, in validation too. There, rare classes have instances enough to be measured.
///
/// Results on it show the mechanism, they do not predict results on real data.
public struct SyntheticDetectionSet: Sendable {
  /// Annotations and RoIs of a part of the set.
  public struct Split: Sendable {
    /// Images, categories and annotations.
    public let dataset: LVISDataset
    /// The RoIs of each image, images by ascending id.
    public let rois: [ImageRoIs]
    /// D.
    let featureLength: Int

    /// The RoIs as training reads them from memory; the same numbers as in the files that `write(to:)` makes.
    public var source: RoIArrays {
      var source = RoIArrays(
        features: rois.flatMap(\.features), featureCount: featureLength,
        labels: rois.flatMap { ($0.labels ?? []).map { $0 > 0 ? Int32($0 - 1) : RoILabels.background } },
        roisPerImage: rois.map { $0.boxes.count / 4 })
      source.annotations = dataset
      source.columns[.boxes] = rois.flatMap(\.boxes)
      for column in rois.first?.columns.keys.map({ $0 }) ?? [] {
        source.columns[column] = rois.flatMap { $0.columns[column] ?? [] }
      }
      return source
    }
  }

  /// The seed that the set was made from.
  public let seed: UInt64
  /// The numbers and strengths that the set was made with.
  public let configuration: Configuration
  /// To train on: long-tailed, labelled boxes among the RoIs.
  public let training: Split
  /// To score on: every class often enough to measure it, no labelled boxes among the RoIs.
  public let validation: Split

  /// Makes a set; the same seed and configuration give the same bytes.
  ///
  /// - Precondition: The configuration has at least two classes, an image in each split, and a feature length above 0.
  public init(seed: UInt64 = 0, configuration: Configuration = Configuration()) {
    precondition(configuration.classCount > 1 && configuration.featureLength > 0)
    precondition(configuration.trainingImageCount > 0 && configuration.validationImageCount > 0)
    self.seed = seed
    self.configuration = configuration

    let root = SeededGenerator(seed: seed)
    var generator = root.derived(for: 1)
    let classes = SyntheticClasses(configuration, using: &generator)
    let scenes = SyntheticScenes(configuration: configuration, classes: classes)
    let proposals = SyntheticProposals(configuration: configuration, classes: classes)

    generator = root.derived(for: 2)
    let trainingScenes = scenes.scenes(
      count: configuration.trainingImageCount, firstID: 1, instanceCounts: classes.instanceCounts, using: &generator)
    generator = root.derived(for: 3)
    let validationScenes = scenes.scenes(
      count: configuration.validationImageCount, firstID: 100_001,
      instanceCounts: classes.instanceCounts.map {
        configuration.minimumValidationInstances + Int(Double($0) * configuration.validationShare)
      }, using: &generator)

    let categories = classes.categories(trainingScenes: trainingScenes)
    func split(_ scenes: [SyntheticScene], purpose: UInt64, count: Int, withLabelledBoxes: Bool) -> Split {
      var generator = root.derived(for: purpose)
      return Split(
        dataset: LVISDataset(
          images: scenes.map(\.image), categories: categories, annotations: annotations(of: scenes)),
        rois: scenes.map {
          proposals.rois(of: $0, count: count, withLabelledBoxes: withLabelledBoxes, using: &generator)
        }, featureLength: configuration.featureLength)
    }
    training = split(
      trainingScenes, purpose: 4, count: configuration.trainingRoIsPerImage, withLabelledBoxes: true)
    validation = split(
      validationScenes, purpose: 5, count: configuration.validationRoIsPerImage, withLabelledBoxes: false)
  }
}

/// The labelled objects of scenes, numbered from 1.
func annotations(of scenes: [SyntheticScene]) -> [LVISAnnotation] {
  let labelled = scenes.flatMap { scene in
    scene.objects.compactMap { object in
      object.labelledClass.map { (imageID: scene.image.id, categoryID: $0 + 1, box: object.box) }
    }
  }
  return labelled.enumerated().map { index, object in
    LVISAnnotation(id: index + 1, imageID: object.imageID, categoryID: object.categoryID, box: object.box)
  }
}
