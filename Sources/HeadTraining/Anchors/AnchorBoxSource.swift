import DetectionHeads
import FeatureSets
import LVISDatasets

/// Anchors whose objects are known, from which a regression branch learns.
public protocol AnchorBoxSource: AnchorSource {
  /// The anchors of the maps.
  var anchors: AnchorSettings { get }
  /// The boxes of an image's objects, in pixels of the image that the detector saw; ``AnchorLabel/object`` is a place among
  /// them.
  func objects(ofImage index: Int) -> ArraySlice<CornerBox>
}

/// The deltas that a regression branch should give for the positive anchors of a batch.
struct AnchorBoxTargets {
  /// Places in the batch, ascending.
  private(set) var indices: [Int32] = []
  /// The place of each one's image in the batch.
  private(set) var images: [Int] = []
  /// [P, 4].
  private(set) var deltas: [Float] = []

  /// Encodes the objects of positive anchors; one without area is left out.
  ///
  /// - Parameters:
  ///   - batch: The anchors.
  ///   - positions: The images, in the order of the batch, by their positions in the source.
  ///   - source: Gives anchors and objects.
  init(of batch: RoIBatch, ofImages positions: [Int], from source: any AnchorBoxSource) {
    let coder = source.anchors.convention.boxCoder
    // Images of a set are often of few sizes.
    var grid: (levels: [FeatureMapSet.LevelShape], anchors: [CornerBox])?
    for (place, position) in positions.enumerated() {
      let levels = source.levels(ofImage: position)
      if grid?.levels != levels {
        grid = (levels, AnchorGrid(source.anchors, levels: levels.map { ($0.height, $0.width) }).anchors)
      }
      guard let anchors = grid?.anchors else { continue }
      let (objects, first) = (source.objects(ofImage: position), source.rows(ofImage: position).lowerBound)
      var labels = source.labelledAnchors(ofImage: position)
      for index in batch.images[place] where batch.labels[index] >= 0 {
        let anchor = batch.rows[index] - first
        while let label = labels.first, label.place < anchor { labels.removeFirst() }
        guard let label = labels.first, label.place == anchor, label.object >= 0,
          let target = coder.encode(objects[objects.startIndex + Int(label.object)], from: anchors[anchor])
        else { continue }
        indices.append(Int32(truncatingIfNeeded: index))
        images.append(place)
        deltas += (0..<4).map { target[$0] }
      }
    }
  }
}
