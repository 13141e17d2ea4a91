import DetectionHeads
import FeatureSets
import LVISDatasets
import Synchronization

/// What the last convolution of a head sees of feature maps: the output of the convolutions below it, computed as it is asked
/// for. A calibration, which changes the last layer alone, works on it as on the cached output of a detector's tower.
struct TowerOutputs: AnchorSource {
  private let base: any AnchorSource
  private let tower: ConvolutionTower
  /// The image that was asked for last, and its maps.
  private let latest = LatestMaps()

  private final class LatestMaps: Sendable {
    let maps = Mutex<(image: Int, values: [Float])>((-1, []))
  }

  /// - Parameters:
  ///   - base: The maps below.
  ///   - tower: One or more convolutions that fit them.
  init(_ base: any AnchorSource, through tower: ConvolutionTower) {
    self.base = base
    self.tower = tower
  }

  var anchorsPerLocation: Int { base.anchorsPerLocation }
  var channelCount: Int { tower.layers.last?.outputs ?? base.channelCount }
  var featureCount: Int { 9 * channelCount }
  var imageCount: Int { base.imageCount }
  var annotations: LVISDataset? { base.annotations }
  var featureByteCount: Int { base.featureByteCount }
  func rows(ofImage index: Int) -> Range<Int> { base.rows(ofImage: index) }
  func levels(ofImage index: Int) -> [FeatureMapSet.LevelShape] { base.levels(ofImage: index) }
  func labelledAnchors(ofImage index: Int) -> ArraySlice<AnchorLabel> { base.labelledAnchors(ofImage: index) }
  func prefetch(rows: Range<Int>) { base.prefetch(rows: rows) }
  func releasePages() { base.releasePages() }
  func values(_ column: FeatureColumn, rows: Range<Int>) throws -> [Float]? { try base.values(column, rows: rows) }

  /// Copies the output of the tower at all locations of an image.
  ///
  /// - Throws: What the maps below throw.
  func copyMaps(ofImage index: Int, into destination: UnsafeMutablePointer<Float>) throws {
    let outputs = try outputs(ofImage: index)
    outputs.copy(0..<outputs.locationCount, into: destination)
  }

  /// Copies the patches of anchors, those of a location the same.
  ///
  /// - Throws: What the maps below throw.
  func copyFeatures(rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws {
    for index in 0..<imageCount where self.rows(ofImage: index).overlaps(rows) {
      let own = self.rows(ofImage: index)
      let outputs = try latestOutputs(ofImage: index)
      for row in rows.clamped(to: own) {
        outputs.gather(
          (row - own.lowerBound) / anchorsPerLocation, into: destination + (row - rows.lowerBound) * featureCount)
      }
    }
  }

  private func shapes(_ index: Int) -> [(height: Int, width: Int)] {
    levels(ofImage: index).map { ($0.height, $0.width) }
  }

  private func outputs(ofImage index: Int) throws -> PaddedMaps {
    let maps = PaddedMaps(channelCount: base.channelCount)
    maps.reserve([shapes(index)])
    let values = UnsafeMutablePointer<Float>.allocate(capacity: maps.locationCount * base.channelCount)
    defer { values.deallocate() }
    try base.copyMaps(ofImage: index, into: values)
    maps.set(values, ofImage: 0)
    return TowerPass(threads: 1).forward(tower, maps)
  }

  /// The same, kept until another image is asked for: rows of an image are asked for one after another.
  private func latestOutputs(ofImage index: Int) throws -> PaddedMaps {
    let kept = latest.maps.withLock { $0.image == index ? $0.values : nil }
    if let kept {
      let maps = PaddedMaps(channelCount: channelCount)
      maps.reserve([shapes(index)])
      kept.withUnsafeBufferPointer { if let base = $0.baseAddress { maps.set(base, ofImage: 0) } }
      return maps
    }
    let outputs = try outputs(ofImage: index)
    var values = [Float](repeating: 0, count: outputs.locationCount * channelCount)
    outputs.copy(0..<outputs.locationCount, into: &values)
    latest.maps.withLock { $0 = (index, values) }
    return outputs
  }
}

extension LinearHead {
  /// The last layer of a dense head, and the examples as it sees them: behind the convolutions below it. Any other head and
  /// its examples are returned as they are.
  ///
  /// - Throws: `LinearHeadError` where the groups of the convolutions' GroupNorm are not known, or they do not fit the maps.
  func lastLayer(on source: (any RoISource)?) throws -> (head: LinearHead, source: (any RoISource)?) {
    guard let anchors = source as? any AnchorSource else { return (withoutTower, source) }
    let head = forMaps(below: (anchors as? LabelledMapSet)?.maps.statedTower)
    guard let lowest = head.tower.layers.first else { return (head, source) }
    guard lowest.inputs == anchors.channelCount else {
      throw LinearHeadError(
        .wrongShape, "the head takes maps of \(lowest.inputs) channels, these have \(anchors.channelCount)")
    }
    guard head.tower.normGroups != nil else {
      throw LinearHeadError(
        .missingNormGroups, "the detector's file does not say how many groups the GroupNorm of its convolutions has")
    }
    return (head.withoutTower, TowerOutputs(anchors, through: head.tower))
  }
}
