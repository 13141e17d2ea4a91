import ArgumentParser
import BalancedGroupSoftmax

/// The features, labels and groups of a training.
struct TrainingInputOptions: ParsableArguments {
  @Option(
    help: .init("A feature set: a folder of safetensors or npz shards, or of npy arrays.", valueName: "folder"),
    completion: .directory)
  var features: String?

  @Option(
    help: .init(
      "Training annotations, LVIS or COCO JSON: counts for the groups, and labels where the features have none.",
      valueName: "file"),
    completion: .file(extensions: ["json"]))
  var annotations: String?

  @Option(
    help: .init(
      "Groups that `bags group` made, or boundaries such as 10,100,1000 (the default) or auto:4 to make them here.",
      valueName: "file|counts|auto:N"),
    completion: .file(extensions: ["json"]))
  var groups: String?

  @Option(
    name: .customLong("init"),
    help: .init("A head to start from; class rows of a softmax head go to their group slots.", valueName: "run|head"),
    completion: .file())
  var initialHead: String?

  @Option(
    help: .init(
      "By what the classes of --init are recognised; those that it lacks start afresh.", valueName: "ids|names"))
  var match = ClassMatching.ids

  @Option(
    help: .init(
      "Weights of classes in the loss: CSV (class,weight) or a JSON object, a class by id, name or background; others "
        + "have 1. For softmax, balanced-softmax, logit-adjustment, bce and balanced-bce.", valueName: "file"),
    completion: .file(extensions: ["csv", "json"]))
  var classWeights: String?

  @Flag(
    help:
      "With no --features: train on the built-in feature maps of a dense detector, which are written to dense-set/ first."
  )
  var dense = false

  @Option(
    help: .init(
      "Feature maps: what the loss, summed over anchors and classes, is divided by: positives (of the batch; the default), "
        + "per-image (torchvision), image-positives (mmdetection), running (detectron2), anchors.", valueName: "name"))
  var normalizer: AnchorNormalizer?

  func validate() throws {
    if dense && features != nil {
      throw ValidationError("--dense names the built-in set; --features says itself what it is")
    }
    if groups?.isEmpty == true {
      throw ValidationError("--groups needs a file, boundaries such as 10,100,1000, or auto:4")
    }
    if let groups, groups.hasPrefix("auto:"), GroupBoundaries(groups) == nil {
      throw ValidationError("--groups \(groups): write auto:N with N from 1 to 1000, such as auto:4")
    }
    if case .counts(let values) = groups.flatMap({ GroupBoundaries($0) }), !zip([0] + values, values).allSatisfy(<) {
      throw ValidationError("--groups: boundaries must ascend from above 0, such as 10,100,1000, not \(groups ?? "")")
    }
    if match != .ids && initialHead == nil { throw ValidationError("--match is for --init: name a head to start from") }
    if features == nil && (annotations != nil || groupsFile != nil) {
      throw ValidationError("--annotations and a groups file need --features: the built-in set has its own")
    }
    if features != nil && annotations == nil && groupsFile == nil {
      throw ValidationError("--features needs --annotations or a --groups file, for the instance counts of the classes")
    }
  }

  var paths: TrainingInputPaths {
    TrainingInputPaths(
      features: features, annotations: annotations, groups: groupsFile, initialHead: initialHead,
      classWeights: classWeights)
  }

  /// The same, those of the built-in set of feature maps where it was asked for: it is written where it does not stand yet.
  ///
  /// - Throws: `FileError` if it cannot be written.
  func pathsWritingBuiltInMaps() throws -> TrainingInputPaths {
    var paths = paths
    if dense {
      try BuiltInMaps.write()
      paths.features = BuiltInMaps.trainingFeatures
      paths.annotations = BuiltInMaps.trainingAnnotations
    }
    return paths
  }

  /// Where the groups are to be made: at boundaries that were given, or at the paper's.
  var boundaries: GroupBoundaries { groups.flatMap { GroupBoundaries($0) } ?? .usual }

  /// The boundaries as `run.json` keeps them; `nil` where the groups are a file's.
  var statedBoundaries: String? { groupsFile == nil ? boundaries.description : nil }

  private var groupsFile: String? { groups.flatMap { GroupBoundaries($0) == nil ? $0 : nil } }
}

extension ClassMatching: ExpressibleByArgument {}
extension AnchorNormalizer: ExpressibleByArgument {}
