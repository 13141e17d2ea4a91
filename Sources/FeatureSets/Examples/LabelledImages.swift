import LVISDatasets

/// Images to train on whose examples are labelled: RoIs or queries (``LabelledFeatureSet``), or the anchors of feature maps.
public protocol LabelledImages: RoISource {
  /// What is labelled.
  var imageFeatures: any ImageFeatures { get }

  /// The same examples of some of the images alone, with their labels; their rows keep their numbers.
  ///
  /// - Parameters:
  ///   - positions: The positions of the images, ascending.
  ///   - annotations: The annotations that go with them.
  /// - Throws: `FeatureSetError` if they cannot be read any more.
  func selectingImages(at positions: [Int], annotations: LVISDataset?) throws -> Self
}

extension LabelledFeatureSet: LabelledImages {
  /// The set of RoIs that detections are made of.
  public var imageFeatures: any ImageFeatures { features }

  /// The RoIs of some of the images alone.
  ///
  /// - Throws: `FeatureSetError` if there are not as many labels as RoIs.
  public func selectingImages(at positions: [Int], annotations: LVISDataset?) throws -> LabelledFeatureSet {
    try LabelledFeatureSet(features.selectingImages(at: positions), labels: labels, annotations: annotations)
  }
}
