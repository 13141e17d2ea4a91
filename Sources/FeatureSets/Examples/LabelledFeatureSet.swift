import LVISDatasets

/// A feature set with the class of every RoI: what training reads.
public struct LabelledFeatureSet: RoISource {
  /// The features.
  public let features: FeatureSet
  /// The class of every RoI.
  public let labels: RoILabels
  /// The training annotations, which some calibrations look at.
  public let annotations: LVISDataset?

  /// Puts features and labels together.
  ///
  /// - Parameters:
  ///   - features: The features.
  ///   - labels: The class of every RoI.
  ///   - annotations: The training annotations, of all training images.
  /// - Throws: `FeatureSetError` if their numbers differ.
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

  /// D.
  public var featureCount: Int { features.featureCount }
  /// S, the stages of a cascade that there are features of.
  public var stageCount: Int { features.stageCount }
  /// The number of images.
  public var imageCount: Int { features.images.count }
  /// The rows of an image.
  public func rows(ofImage index: Int) -> Range<Int> { features.images[index].rows }
  /// The class index of a row's label, or −1 for background.
  public func classIndex(ofRow row: Int) -> Int32 { labels.classes[row] }
  /// The same for a stage of a cascade.
  public func classIndex(ofRow row: Int, stage: Int) -> Int32 { labels.classIndex(ofRow: row, stage: stage) }
  /// Copies the features of adjacent rows.
  public func copyFeatures(rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws {
    try features.copyFeatures(rows: rows, into: destination)
  }
  /// The size of all features as stored.
  public var featureByteCount: Int { features.featureByteCount }
  /// Has the system read the features of rows in the background.
  public func prefetch(rows: Range<Int>) { features.prefetch(rows: rows) }
  /// Lets go of the memory that reading has taken.
  public func releasePages() { features.releasePages() }
  /// A column of adjacent rows.
  public func values(_ column: FeatureColumn, rows: Range<Int>) throws -> [Float]? {
    try features.values(column, rows: rows)
  }
}
