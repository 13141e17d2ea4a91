/// A box in absolute pixels, as LVIS and COCO write it: the upper left corner, width and height.
public struct BoundingBox: Sendable, Hashable {
  /// The left edge in pixels.
  public var x: Double
  /// The upper edge in pixels.
  public var y: Double
  /// The width in pixels; a box from 3 to 5 is 2 wide.
  public var width: Double
  /// The height in pixels; a box from 3 to 5 is 2 high.
  public var height: Double

  /// Makes a box from its upper left corner and size.
  public init(x: Double, y: Double, width: Double, height: Double) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// The area in square pixels, width times height.
  public var area: Double { width * height }
}
