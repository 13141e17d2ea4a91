extension FeatureSet {
  /// The set with some of its images alone. Rows keep their numbers, so labels of the whole set still fit.
  ///
  /// - Parameter positions: Positions in `images`, ascending.
  /// - Returns: A set on the same mapped files.
  public func selectingImages(at positions: [Int]) -> FeatureSet {
    var selection = self
    selection.images = positions.map { images[$0] }
    return selection
  }
}
