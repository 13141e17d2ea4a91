import CVectorKernels
import DenseLinearAlgebra
import DetectionHeads
import FeatureSets
import LVISDatasets

/// Turns the maps of one image after another into detections, on one thread.
final class AnchorDetector {
  private let maps: FeatureMapSet
  private let anchors: AnchorSettings
  private let head: LinearHead
  private let boxBranch: BoxBranch?
  private let settings: DetectionSettings
  private let padded: PaddedMaps
  private let (tower, boxTower) = (TowerPass(threads: 1), TowerPass(threads: 1))
  /// A block's inputs are transformed when it is multiplied, and do not leave the cache before.
  private let tiledMaps = TiledMaps(partSize: 0)
  private let products = TiledProducts(threads: 1)
  private let weights: AnchorWeights
  private let (features, scores) = (ScratchBuffer(), ScratchBuffer())
  private let indices: UnsafeMutablePointer<UInt32>
  /// What was read since pages were let go of, and how much that may be: a set may be larger than memory.
  private var bytesRead = 0
  private static let bytesKept = 64 << 20
  /// Images of a set are often of few sizes.
  private var grid: (levels: [FeatureMapSet.LevelShape], grid: AnchorGrid)?

  init(
    maps: FeatureMapSet, anchors: AnchorSettings, head: LinearHead, boxBranch: BoxBranch?, weights: AnchorWeights,
    settings: DetectionSettings
  ) {
    self.weights = weights
    self.boxBranch = boxBranch
    self.maps = maps
    self.anchors = anchors
    self.head = head
    self.settings = settings
    padded = PaddedMaps(channelCount: maps.channelCount)
    indices = .allocate(capacity: anchors.anchorsPerLocation * head.classCount)
  }

  deinit { indices.deallocate() }

  /// The detections of an image.
  ///
  /// - Throws: `FeatureSetError` where a feature or a delta is not finite.
  func detections(ofImage position: Int) throws -> ImageDetections {
    let image = self.maps.images[position]
    let buffer = features.floats(image.locations.count * padded.channelCount)
    try self.maps.copyFeatures(locations: image.locations, into: buffer)
    bytesRead +=
      image.locations.count * (padded.channelCount + 4 * anchors.anchorsPerLocation) * MemoryLayout<Float>.size
    if bytesRead > Self.bytesKept {
      self.maps.releasePages()
      bytesRead = 0
    }
    let levels = image.levels.map { (height: $0.height, width: $0.width) }
    padded.reserve([levels])
    padded.set(buffer, ofImage: 0)
    let maps = tower.forward(head.tower, padded, weights: weights.classTower)
    if grid?.levels != image.levels { grid = (image.levels, AnchorGrid(anchors, levels: levels)) }
    let boxes = grid?.grid.anchors ?? []
    let deltas = try boxBranch.map(boxDeltas) ?? self.maps.boxDeltas(locations: image.locations)

    let candidates = candidates(of: maps, levels: image.levels).sorted(by: >)

    let classCount = head.classCount
    var suppression = GreedySuppression(classCount: classCount, threshold: settings.suppressionIoU)
    var detections: [ImageDetections.Detection] = []
    var keptCount = 0
    for candidate in candidates where keptCount < settings.maximumPerImage {
      let (anchor, classIndex) = candidate.place.quotientAndRemainder(dividingBy: classCount)
      var box = try box(anchor, of: boxes, deltas: deltas, image: image)
      let size = settings.minimumSize
      if size > 0, box.x2 - box.x1 < size || box.y2 - box.y1 < size { continue }
      guard suppression.keeps(box, class: classIndex) else { continue }
      keptCount += 1
      if !anchors.convention.clipsBeforeSuppression {
        // detectron2's `detector_postprocess` drops what lies outside the image, when the others have been counted.
        box = clip(box, to: image)
        guard box.x1 < box.x2, box.y1 < box.y2 else { continue }
      }
      detections.append(
        ImageDetections.Detection(
          box: box, score: candidate.score, classIndex: classIndex,
          row: image.locations.lowerBound * anchors.anchorsPerLocation + anchor))
    }
    return ImageDetections(
      imageID: image.id, detections: detections, scoredCount: image.locations.count * anchors.anchorsPerLocation)
  }

  /// The deltas that a regression branch gives for every anchor of the maps in place [M · A, 4].
  private func boxDeltas(of branch: BoxBranch) -> [Float] {
    let maps = boxTower.forward(branch.tower, padded, weights: weights.boxTower)
    let outputs = branch.bias.count
    return [Float](unsafeUninitializedCapacity: maps.locationCount * outputs) { buffer, initialized in
      initialized = maps.locationCount * outputs
      guard let target = buffer.baseAddress else { return }
      tiledMaps.take(maps)
      products.multiply(tiledMaps, by: weights.boxes, bias: branch.bias, into: target)
    }
  }

  /// The best of the anchors and classes of every level whose scores pass the threshold.
  ///
  /// - Parameters:
  ///   - maps: What the last convolution sees.
  ///   - levels: Their shapes.
  private func candidates(of maps: PaddedMaps, levels: [FeatureMapSet.LevelShape]) -> [Candidate] {
    let perLocation = anchors.anchorsPerLocation * head.classCount
    var best = levels.map { _ in
      BestCandidates(limit: max(0, settings.candidatesPerLevel), threshold: settings.scoreThreshold)
    }
    var (level, end) = (0, levels.first?.count ?? 0)
    tiledMaps.take(maps)
    products.forEachBlock(tiledMaps, by: weights.classes, bias: head.bias) { locations, logits in
      let scores = scores.floats(locations.count * perLocation)
      head.layout.scores(logits: logits, count: locations.count, into: scores)
      for (row, location) in locations.enumerated() {
        while location >= end {
          level += 1
          end += levels[level].count
        }
        let ofLocation = scores + row * perLocation
        let count = bags_indices_above(ofLocation, perLocation, best[level].threshold, indices)
        for place in 0..<count {
          let index = Int(indices[place])
          best[level].add(Candidate(score: ofLocation[index], place: location * perLocation + index))
        }
        best[level].prune()
      }
    }
    return best.flatMap { candidates in
      var candidates = candidates
      return candidates.taken()
    }
  }

  /// The box of an anchor, in pixels of the original image.
  private func box(
    _ anchor: Int, of boxes: [CornerBox], deltas: [Float]?, image: FeatureMapSet.Image
  ) throws -> CornerBox {
    var box = boxes[anchor]
    if let deltas {
      let delta = SIMD4(deltas[4 * anchor], deltas[4 * anchor + 1], deltas[4 * anchor + 2], deltas[4 * anchor + 3])
      box = anchors.convention.boxCoder.decode(delta, from: box)
    }
    guard (box.x2 - box.x1).isFinite, (box.y2 - box.y1).isFinite else {
      throw maps.boxError(
        ofLocation: image.locations.lowerBound + anchor / anchors.anchorsPerLocation,
        anchor: anchor % anchors.anchorsPerLocation)
    }
    if anchors.convention.clipsBeforeSuppression {
      box = anchors.convention.boxCoder.clip(box, width: image.size.x, height: image.size.y)
    }
    return CornerBox(
      box.x1 / image.scale.x, box.y1 / image.scale.y, box.x2 / image.scale.x, box.y2 / image.scale.y)
  }

  /// The part of a box that lies in the original image.
  private func clip(_ box: CornerBox, to image: FeatureMapSet.Image) -> CornerBox {
    anchors.convention.boxCoder.clip(
      box, width: image.size.x / image.scale.x, height: image.size.y / image.scale.y)
  }
}
