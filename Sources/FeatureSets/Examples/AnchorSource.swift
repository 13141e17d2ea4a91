/// Anchors of feature maps to train on: a row is an anchor, the A anchors of a location adjacent, the locations in the order
/// of the maps.
///
/// Labels are stored sparsely, since nearly every anchor is background.
public protocol AnchorSource: RoISource {
  /// The number A of anchors of a location.
  var anchorsPerLocation: Int { get }
  /// The number C of channels of the maps.
  var channelCount: Int { get }
  /// The shapes of an image's levels, the finest first.
  func levels(ofImage index: Int) -> [FeatureMapSet.LevelShape]
  /// The anchors of an image that are not background, ascending.
  func labelledAnchors(ofImage index: Int) -> ArraySlice<AnchorLabel>
  /// Copies the features of all locations of an image, [M, C]; called on several threads at once.
  func copyMaps(ofImage index: Int, into destination: UnsafeMutablePointer<Float>) throws
}

/// An anchor that is not background.
public struct AnchorLabel: Sendable, Hashable {
  /// The label of an anchor that is neither trained on nor counted.
  public static let ignored: Int32 = -2
  /// The place of the anchor among those of its image.
  public let place: Int32
  /// The class index, or ``ignored``.
  public let label: Int32
  /// The place of its object among those of the image; −1 where it has none, or it is not known.
  public let object: Int32

  /// Labels an anchor.
  public init(place: Int32, label: Int32, object: Int32 = -1) {
    self.place = place
    self.label = label
    self.object = object
  }
}

extension AnchorSource {
  /// The class index of an anchor, −1 for background, ``AnchorLabel/ignored`` for neither.
  public func classIndex(ofRow row: Int) -> Int32 {
    var (low, high) = (0, imageCount - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if rows(ofImage: middle).lowerBound <= row { low = middle } else { high = middle - 1 }
    }
    let place = Int32(clamping: row - rows(ofImage: low).lowerBound)
    return labelledAnchors(ofImage: low).first { $0.place == place }?.label ?? RoILabels.background
  }

  /// The anchors that objects are assigned to.
  public var foregroundCount: Int {
    (0..<imageCount).reduce(0) { sum, image in
      sum + labelledAnchors(ofImage: image).count { $0.label >= 0 }
    }
  }

  /// The anchors that are neither trained on nor counted.
  public var ignoredCount: Int {
    (0..<imageCount).reduce(0) { sum, image in
      sum + labelledAnchors(ofImage: image).count { $0.label == AnchorLabel.ignored }
    }
  }
}
