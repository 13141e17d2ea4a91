/// A box in absolute pixels, as LVIS and COCO write it: the upper left corner, width and height.
public struct BoundingBox: Sendable, Hashable {
  /// Left edge.
  public var x: Double
  /// Upper edge.
  public var y: Double
  /// Width; no +1 anywhere.
  public var width: Double
  /// Height; no +1 anywhere.
  public var height: Double

  /// Makes a box from its upper left corner and size.
  public init(x: Double, y: Double, width: Double, height: Double) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// Width times height.
  public var area: Double { width * height }
}
