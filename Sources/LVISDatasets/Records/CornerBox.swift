/// A box by its corners, in absolute pixels and single precision, as detectors compute them.
public struct CornerBox: Sendable, Hashable {
  /// Left edge.
  public var x1: Float
  /// Upper edge.
  public var y1: Float
  /// Right edge.
  public var x2: Float
  /// Lower edge.
  public var y2: Float

  /// Makes a box from its corners.
  @inlinable
  public init(_ x1: Float, _ y1: Float, _ x2: Float, _ y2: Float) {
    self.x1 = x1
    self.y1 = y1
    self.x2 = x2
    self.y2 = y2
  }

  /// Width times height; no +1.
  @inlinable
  public var area: Float { (x2 - x1) * (y2 - y1) }

  /// Intersection over union, as torchvision's kernel computes it: for two boxes without area it is not a number.
  @inlinable
  public func iou(_ other: CornerBox) -> Float {
    let width = max(0, min(x2, other.x2) - max(x1, other.x1))
    let height = max(0, min(y2, other.y2) - max(y1, other.y1))
    let intersection = width * height
    return intersection / (area + other.area - intersection)
  }
}
