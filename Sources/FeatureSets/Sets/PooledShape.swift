/// The shape of the map that RoI pooling cuts out of a detector's features for each RoI: C channels of H × W cells, as
/// torchvision's `box_roi_pool`, mmdetection's `bbox_roi_extractor` and detectron2's `box_pooler` give it.
///
/// In a RoI's row of C · H · W numbers channel stands after channel, each row by row, as `flatten(1)` of [N, C, H, W]
/// has them.
public struct PooledShape: Sendable, Hashable {
  /// The number C of channels, 256 in most detectors.
  public let channels: Int
  /// The number H of rows of cells, 7 in most detectors.
  public let height: Int
  /// The number W of cells in a row.
  public let width: Int

  /// Makes a shape.
  ///
  /// - Precondition: All three are above 0.
  public init(channels: Int, height: Int, width: Int) {
    precondition(channels > 0 && height > 0 && width > 0, "a map cannot be \(channels) × \(height) × \(width)")
    self.channels = channels
    self.height = height
    self.width = width
  }

  /// The cells of a channel, H · W.
  public var cellCount: Int { height * width }
  /// The numbers of a RoI, C · H · W.
  public var count: Int { channels * cellCount }
}

extension PooledShape: CustomStringConvertible {
  /// `256 × 7 × 7`.
  public var description: String { "\(channels) × \(height) × \(width)" }
}

extension PooledShape: Encodable {
  /// Writes `[C, H, W]`.
  public func encode(to encoder: any Encoder) throws {
    var values = encoder.unkeyedContainer()
    for length in [channels, height, width] { try values.encode(length) }
  }
}
