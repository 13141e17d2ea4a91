extension FeatureMapSet: ImageFeatures {
  /// The ids of the images, ascending.
  public var imageIDs: [Int] { images.map(\.id) }
  /// 9C, the length of the 3 × 3 patch around a location.
  public var inputCount: Int { 9 * channelCount }
  /// Maps of so many channels.
  public var kindText: String { "a set of feature maps of \(channelCount) channels" }

  /// The set with some of its images alone. Locations keep their numbers.
  ///
  /// - Parameter positions: Positions in `images`, ascending.
  /// - Returns: A set on the same mapped files.
  public func selectingImages(at positions: [Int]) -> FeatureMapSet {
    var selection = self
    selection.images = positions.map { images[$0] }
    return selection
  }
}
