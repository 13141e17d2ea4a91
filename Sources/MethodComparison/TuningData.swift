import FeatureSets
import HeadInference
import HeadLosses
import LVISDatasets
import TrainingRuns

/// The data that tuning looks at, which are training data alone.
public struct TuningData: Sendable {
  /// The training RoIs, or the anchors of feature maps, and their labels.
  public var source: any LabelledImages
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
    /// Their RoIs or maps, from the same detector.
    public var features: any DetectableFeatures
    /// The annotations of these images.
    public var dataset: LVISDataset
    /// Marks of the files, by their option names.
    public var inputs: [String: RunRecord.Input]

    /// Puts it together.
    public init(features: any DetectableFeatures, dataset: LVISDataset, inputs: [String: RunRecord.Input] = [:]) {
      (self.features, self.dataset, self.inputs) = (features, dataset, inputs)
    }
  }

  /// Puts it together.
  public init(
    source: any LabelledImages, dataset: LVISDataset, groups: CategoryGroups,
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

  /// Whether its examples are the anchors of feature maps.
  var hasAnchors: Bool { source is any AnchorSource }

  /// The method that detectors of the kind are trained with, and that the others are measured by: softmax on RoIs, focal loss
  /// on anchors.
  var plainMethod: MethodChoice {
    MethodChoice(name: hasAnchors ? TrainingMethod.focal.name : TrainingMethod.softmax.name)
  }
}
