import FeatureSets
import HeadInference
import LVISDatasets
import TrainingRuns

/// The data that tuning looks at, which are training data alone.
public struct TuningData: Sendable {
  /// The training RoIs and their labels.
  public var source: LabelledFeatureSet
  /// The annotations of the training images.
  public var dataset: LVISDataset
  /// The classes and their groups.
  public var groups: CategoryGroups
  /// The thresholds by which scores become detections.
  public var detection: DetectionSettings
  /// Marks of the files, by their option names.
  public var inputs: [String: RunRecord.Input]
  /// Images that the detector never saw, to choose on in place of training images; `nil` for none.
  public var unseen: UnseenImages?

  /// Images that neither the detector nor its head was trained on.
  public struct UnseenImages: Sendable {
    /// Their RoIs, from the same detector.
    public var features: FeatureSet
    /// The annotations of these images.
    public var dataset: LVISDataset
    /// Marks of the files, by their option names.
    public var inputs: [String: RunRecord.Input]

    /// Puts it together.
    public init(features: FeatureSet, dataset: LVISDataset, inputs: [String: RunRecord.Input] = [:]) {
      (self.features, self.dataset, self.inputs) = (features, dataset, inputs)
    }
  }

  /// Puts it together.
  public init(
    source: LabelledFeatureSet, dataset: LVISDataset, groups: CategoryGroups,
    detection: DetectionSettings = DetectionSettings(), inputs: [String: RunRecord.Input] = [:],
    unseen: UnseenImages? = nil
  ) {
    self.unseen = unseen
    self.source = source
    self.dataset = dataset
    self.groups = groups
    self.detection = detection
    self.inputs = inputs
  }

  /// M.
  var imageCount: Int { dataset.images.count }
}
