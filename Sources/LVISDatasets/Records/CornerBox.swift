/// A box by its corners, in absolute pixels and single precision, as detectors compute them.
public struct CornerBox: Sendable, Hashable {
  /// The left edge in pixels.
  public var x1: Float
  /// The upper edge in pixels.
  public var y1: Float
  /// The right edge in pixels.
  public var x2: Float
  /// The lower edge in pixels.
  public var y2: Float

  /// Makes a box from its corners.
  @inlinable
  public init(_ x1: Float, _ y1: Float, _ x2: Float, _ y2: Float) {
    self.x1 = x1
    self.y1 = y1
    self.x2 = x2
    self.y2 = y2
  }

  /// The area in square pixels; a box from 3 to 5 is 2 wide.
  @inlinable
  public var area: Float { (x2 - x1) * (y2 - y1) }

  /// The intersection over union of two boxes, as torchvision's kernel computes it; not a number for two boxes without
  /// area.
  @inlinable
  public func iou(_ other: CornerBox) -> Float {
    let width = max(0, min(x2, other.x2) - max(x1, other.x1))
    let height = max(0, min(y2, other.y2) - max(y1, other.y1))
    let intersection = width * height
    return intersection / (area + other.area - intersection)
  }
}
