/// One detection, as a results file states it.
public struct Detection: Sendable, Hashable {
  /// The id of the image that it lies in.
  public var imageID: Int
  /// The id of the category that it is said to be.
  public var categoryID: Int
  /// The box in pixels of the image.
  public var box: BoundingBox
  /// The detector's confidence, the higher the surer; any finite number.
  public var score: Double

  /// Makes a detection from its image, its category, its box in pixels and its score.
  public init(imageID: Int, categoryID: Int, box: BoundingBox, score: Double) {
    self.imageID = imageID
    self.categoryID = categoryID
    self.box = box
    self.score = score
  }
}
