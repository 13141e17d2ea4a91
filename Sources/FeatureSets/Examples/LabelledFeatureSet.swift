import LVISDatasets

/// A feature set with the class of every RoI, from which training reads.
public struct LabelledFeatureSet: RoISource {
  /// The features, boxes and images of the RoIs.
  public let features: FeatureSet
  /// The class of every RoI.
  public let labels: RoILabels
  /// The training annotations, which some calibrations look at.
  public let annotations: LVISDataset?

  /// Puts features and labels together.
  ///
  /// - Parameters:
  ///   - features: The features of N RoIs.
  ///   - labels: The class of each of these RoIs.
  ///   - annotations: The training annotations, of all training images; `nil` where there are none.
  /// - Throws: `FeatureSetError` if there are not as many labels as RoIs.
  public init(_ features: FeatureSet, labels: RoILabels, annotations: LVISDataset? = nil) throws {
    guard labels.classes.count == features.roiCount else {
      throw FeatureSetError(
        path: features.path, tensor: "labels", code: .label,
        detail: "there are \(features.roiCount) RoIs, but \(labels.classes.count) labels")
    }
    self.features = features
    self.labels = labels
    self.annotations = annotations
    features.releasePages()
  }

  /// The length of a RoI's features: D, or S · D for the S stages of a cascade.
  public var featureCount: Int { features.featureCount }
  /// The number S of stages of a cascade that there are features of; 1 for other detectors.
  public var stageCount: Int { features.stageCount }
  /// The shape of each RoI's pooled map; `nil` where a RoI has a vector.
  public var pooledShape: PooledShape? { features.pooledShape }
  /// The number of images.
  public var imageCount: Int { features.images.count }
  /// The rows of an image's RoIs, by the position of the image among the set's.
  public func rows(ofImage index: Int) -> Range<Int> { features.images[index].rows }
  /// The class index of a row's label, or −1 for background.
  public func classIndex(ofRow row: Int) -> Int32 { labels.classes[row] }
  /// The class index of a row's label at a stage of a cascade, from 0, or −1 for background.
  public func classIndex(ofRow row: Int, stage: Int) -> Int32 { labels.classIndex(ofRow: row, stage: stage) }
  /// Copies the features of adjacent rows, [rows.count, D], widened to `Float`.
  ///
  /// - Throws: `FeatureSetError` if one of them is not finite.
  public func copyFeatures(rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws {
    try features.copyFeatures(rows: rows, into: destination)
  }
  /// The size of all features as they are stored, in bytes.
  public var featureByteCount: Int { features.featureByteCount }
  /// Has the system read the features of rows in the background.
  public func prefetch(rows: Range<Int>) { features.prefetch(rows: rows) }
  /// Lets go of the memory that reading has taken.
  public func releasePages() { features.releasePages() }
  /// A column of adjacent rows, [rows.count × width]; `nil` where the set does not have it.
  ///
  /// - Throws: `FeatureSetError` if a number is not finite.
  public func values(_ column: FeatureColumn, rows: Range<Int>) throws -> [Float]? {
    try features.values(column, rows: rows)
  }
}
