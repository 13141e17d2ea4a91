/// The 3 × 3 convolutions below the last one of a dense head, each with ReLU, that are trained with it.
public struct TowerArchitecture: Sendable, Equatable, Codable {
  /// The number of convolutions; 0 for the last one alone.
  public var layers: Int
  /// The groups of GroupNorm behind each of them, 0 for none; `nil` for those of the head that training starts from, or
  /// none where there is no such head.
  public var normGroups: Int?

  /// Describes a tower.
  ///
  /// - Parameters:
  ///   - layers: The number of convolutions, 0 to 8.
  ///   - normGroups: The groups of GroupNorm.
  public init(layers: Int, normGroups: Int? = nil) {
    self.layers = layers
    self.normGroups = normGroups
  }

  /// The reason why it cannot be trained, in one line; `nil` where it can.
  ///
  /// - Parameter channels: The channels of the maps; `nil` where they are not known yet.
  public func fault(channels: Int? = nil) -> String? {
    if !(0...8).contains(layers) { return "there are 0 to 8 convolutions below the last one, not \(layers)" }
    guard let normGroups else { return nil }
    if !(0...1 << 16).contains(normGroups) { return "GroupNorm has 0 to 65536 groups, not \(normGroups)" }
    if let channels, normGroups > 0, !channels.isMultiple(of: normGroups) {
      return "\(normGroups) groups of GroupNorm do not divide \(channels) channels"
    }
    return nil
  }
}
