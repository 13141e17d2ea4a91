import DetectionHeads
import FeatureSets
import LVISDatasets

/// One anchor of every location of feature maps, as examples of their own: a row is a location, its features the patch around
/// it. So a formula that looks at RoIs looks at what the classifier of that anchor sees. An ignored anchor counts as
/// background.
struct AnchorView: RoISource {
  private let base: any AnchorSource
  private let anchor: Int

  /// Takes one of the anchors.
  init(_ base: any AnchorSource, anchor: Int) { (self.base, self.anchor) = (base, anchor) }

  var featureCount: Int { base.featureCount }
  var imageCount: Int { base.imageCount }
  var featureByteCount: Int { base.featureByteCount }
  var annotations: LVISDataset? { base.annotations }
  func rows(ofImage index: Int) -> Range<Int> {
    let rows = base.rows(ofImage: index)
    return rows.lowerBound / base.anchorsPerLocation..<rows.upperBound / base.anchorsPerLocation
  }
  func classIndex(ofRow row: Int) -> Int32 {
    max(RoILabels.background, base.classIndex(ofRow: row * base.anchorsPerLocation + anchor))
  }
  func copyFeatures(rows: Range<Int>, into destination: UnsafeMutablePointer<Float>) throws {
    var (low, high) = (0, imageCount - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if self.rows(ofImage: middle).lowerBound <= rows.lowerBound { low = middle } else { high = middle - 1 }
    }
    let padded = PaddedMaps(channelCount: base.channelCount)
    for image in low..<imageCount {
      let own = self.rows(ofImage: image)
      guard own.lowerBound < rows.upperBound else { break }
      let maps = UnsafeMutablePointer<Float>.allocate(capacity: max(1, own.count * base.channelCount))
      defer { maps.deallocate() }
      try base.copyMaps(ofImage: image, into: maps)
      padded.reserve([base.levels(ofImage: image).map { ($0.height, $0.width) }])
      padded.set(maps, ofImage: 0)
      for row in rows.clamped(to: own) {
        padded.gather(row - own.lowerBound, into: destination + (row - rows.lowerBound) * featureCount)
      }
    }
    if base.featureByteCount > 1 << 30 { base.releasePages() }
  }
  func releasePages() { base.releasePages() }
}
