/// A property of images by which results are looked at in slices, such as the weather or the camera.
public struct ImageAttribute: Sendable, Equatable {
  /// The name of the property: the column of a table, or the key of the image records.
  public let name: String
  /// The property of each image by the image's id, as text; images without it are left out.
  public let values: [Int: String]

  /// Makes an attribute from the values of images by their ids.
  public init(name: String, values: [Int: String]) {
    self.name = name
    self.values = values
  }
}
