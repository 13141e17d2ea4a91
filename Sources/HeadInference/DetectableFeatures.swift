import DetectionHeads
import FeatureSets
import LVISDatasets

/// Features that a head turns into detections, whichever kind of detector they are of: RoIs and queries by
/// ``DetectionPass``, feature maps by ``AnchorDetectionPass``.
public protocol DetectableFeatures: ImageFeatures {
  /// The pass over the images.
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - regressor: Places the detections; `nil` to take the box deltas of the features.
  ///   - dataset: Gives the sizes of the images, to clip to; maps know them themselves.
  ///   - settings: How scores become detections.
  /// - Throws: `FeatureSetError` or `LinearHeadError` if they do not fit together, or the data set does not know an image.
  func detectionPass(
    of head: LinearHead, regressor: BoxRegressor?, clippingTo dataset: LVISDataset?, settings: DetectionSettings
  ) throws -> any ImageDetecting
}

extension FeatureSet: DetectableFeatures {
  /// The pass over the RoIs or queries.
  public func detectionPass(
    of head: LinearHead, regressor: BoxRegressor?, clippingTo dataset: LVISDataset?, settings: DetectionSettings
  ) throws -> any ImageDetecting {
    try DetectionPass(
      features: self, scorer: head, regressor: regressor, clippingTo: dataset, settings: settings)
  }
}

extension FeatureMapSet: DetectableFeatures {
  /// The pass over the maps, whose boxes are those of the set's box deltas.
  public func detectionPass(
    of head: LinearHead, regressor: BoxRegressor?, clippingTo dataset: LVISDataset?, settings: DetectionSettings
  ) throws -> any ImageDetecting {
    guard regressor == nil else {
      throw LinearHeadError(
        .unsupported, "a box regressor of RoIs places no anchors: the boxes of \(path) are those of its box_deltas")
    }
    try dataset.map { try checkImages(areIn: $0) }
    return try AnchorDetectionPass(maps: self, head: head, settings: settings)
  }
}

/// Opens features of either kind: a set of feature maps where the first shard says so, else one of RoIs or queries.
///
/// - Parameter path: The folder or the file.
/// - Throws: `FileError` if something cannot be read; `TensorFileError` or `FeatureSetError` if a shard is at fault.
public func openFeatures(at path: String) throws -> any DetectableFeatures {
  try FeatureMapSet.isMapSet(at: path) ? FeatureMapSet(at: path) : FeatureSet(at: path)
}
