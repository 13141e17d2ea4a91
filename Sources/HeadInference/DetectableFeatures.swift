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
  ///   - boxes: Places the detections; `nil` to take the box deltas of the features.
  ///   - dataset: Gives the sizes of the images, to clip to; maps know them themselves.
  ///   - settings: How scores become detections.
  /// - Throws: `FeatureSetError` or `LinearHeadError` if they do not fit together, or the data set does not know an image.
  func detectionPass(
    of head: LinearHead, boxes: BoxPlacement?, clippingTo dataset: LVISDataset?, settings: DetectionSettings
  ) throws -> any ImageDetecting
}

extension FeatureSet: DetectableFeatures {
  /// The pass over the RoIs or queries.
  public func detectionPass(
    of head: LinearHead, boxes: BoxPlacement?, clippingTo dataset: LVISDataset?, settings: DetectionSettings
  ) throws -> any ImageDetecting {
    var regressor: BoxRegressor?
    switch boxes {
    case .regressor(let given): regressor = given
    case .branch:
      throw LinearHeadError(.unsupported, "a regression branch of a dense detector places none of the boxes of \(path)")
    case nil: break
    }
    return try DetectionPass(
      features: self, scorer: head, regressor: regressor, clippingTo: dataset, settings: settings)
  }
}

extension FeatureMapSet: DetectableFeatures {
  /// The pass over the maps.
  public func detectionPass(
    of head: LinearHead, boxes: BoxPlacement?, clippingTo dataset: LVISDataset?, settings: DetectionSettings
  ) throws -> any ImageDetecting {
    var branch: BoxBranch?
    switch boxes {
    case .branch(let given): branch = given
    case .regressor:
      throw LinearHeadError(
        .unsupported, "a box regressor of RoIs places no anchors: the boxes of \(path) are those of its box_deltas")
    case nil: break
    }
    try dataset.map { try checkImages(areIn: $0) }
    return try AnchorDetectionPass(maps: self, head: head, boxBranch: branch, settings: settings)
  }
}

/// Opens features of either kind: a set of feature maps where the first shard says so, else one of RoIs or queries.
///
/// - Parameter path: The folder or the file.
/// - Throws: `FileError` if something cannot be read; `TensorFileError` or `FeatureSetError` if a shard is at fault.
public func openFeatures(at path: String) throws -> any DetectableFeatures {
  try FeatureMapSet.isMapSet(at: path) ? FeatureMapSet(at: path) : FeatureSet(at: path)
}
