import LVISDatasets

/// What a detector saw in a number of images, for a head to score: RoIs or queries (``FeatureSet``), or feature maps
/// (``FeatureMapSet``).
public protocol ImageFeatures: Sendable {
  /// The folder or file, as the user gave it.
  var path: String { get }
  /// The ids of the images, ascending.
  var imageIDs: [Int] { get }
  /// How many numbers a head takes for an example: D for a RoI, 9C for the 3 × 3 patch of C channels around a location.
  var inputCount: Int { get }
  /// The size of all features as they are stored, in bytes.
  var featureByteCount: Int { get }
  /// Lets go of the memory that reading has taken.
  func releasePages()
  /// What it holds, for errors: `a set of RoIs with 256 features each`.
  var kindText: String { get }
  /// Checks that the annotations know every image.
  ///
  /// - Throws: `FeatureSetError` for the first image that they do not.
  func checkImages(areIn dataset: LVISDataset) throws
}

extension ImageFeatures {
  /// The number of images.
  public var imageCount: Int { imageIDs.count }

  /// Whether the same heads score both: RoIs and RoIs, or maps and maps, of as many numbers.
  public func isOfKind(of other: any ImageFeatures) -> Bool {
    type(of: self) == type(of: other) && inputCount == other.inputCount
  }
}

extension FeatureSet: ImageFeatures {
  /// The ids of the images, ascending.
  public var imageIDs: [Int] { images.map(\.id) }
  /// D, the length of a RoI's features, or S · D for S stages.
  public var inputCount: Int { featureCount }
  /// RoIs with so many features.
  public var kindText: String { "a set of RoIs with \(featureCount) features each" }
}
