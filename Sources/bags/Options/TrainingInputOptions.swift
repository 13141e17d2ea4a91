import ArgumentParser
import DetectionHeads
import LVISDatasets

/// Where the RoIs, their labels and the groups of a training come from.
struct TrainingInputOptions: ParsableArguments {
  @Option(help: .init("A feature set: a folder of safetensors shards.", valueName: "folder"))
  var features: String?

  @Option(
    help: .init(
      "Training annotations, LVIS or COCO JSON: counts for the groups, and labels where the features have none.",
      valueName: "file"))
  var annotations: String?

  @Option(help: .init("Groups that `bags group` made; else they are made from the annotations.", valueName: "file"))
  var groups: String?

  @Option(
    name: .customLong("init"),
    help: .init("A head to start from; class rows of a softmax head go to their group slots.", valueName: "run|head"))
  var initialHead: String?

  func validate() throws {
    if features == nil && (annotations != nil || groups != nil) {
      throw ValidationError("--annotations and --groups need --features: the built-in set has its own")
    }
    if features != nil && annotations == nil && groups == nil {
      throw ValidationError("--features needs --annotations or --groups, for the instance counts of the classes")
    }
  }

  var isEmpty: Bool { features == nil && annotations == nil && groups == nil && initialHead == nil }

  var paths: TrainingInputPaths {
    TrainingInputPaths(features: features, annotations: annotations, groups: groups, initialHead: initialHead)
  }
}
