/// One detection, as a results file states it.
public struct Detection: Sendable, Hashable {
  /// The image that it lies in.
  public var imageID: Int
  /// What it is said to be.
  public var categoryID: Int
  /// Its box.
  public var box: BoundingBox
  /// How sure the detector is.
  public var score: Double

  /// Makes a detection.
  public init(imageID: Int, categoryID: Int, box: BoundingBox, score: Double) {
    self.imageID = imageID
    self.categoryID = categoryID
    self.box = box
    self.score = score
  }
}
