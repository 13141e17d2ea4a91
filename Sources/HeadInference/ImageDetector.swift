import CVectorKernels
import DetectionHeads
import FeatureSets
import LVISDatasets

/// Turns the RoIs of a few images at a time into detections, on one thread.
///
/// Where the scorer bounds each RoI's scores beforehand, the RoIs with the highest bounds are scored first, then those
/// whose bound is above the last detection so far. An image is done once all its detections score above the bound of
/// every RoI that is left, since such a RoI can neither add one nor suppress one: the detections are those of scoring
/// all RoIs.
final class ImageDetector {
  private let features: FeatureSet
  private let scorer: any RoIScorer
  private let regressor: BoxRegressor?
  private let settings: DetectionSettings
  /// Width and height by image position; `nil` where they are not known.
  private let sizes: [SIMD2<Float>?]
  private let buffers: Buffers

  init(
    features: FeatureSet, scorer: any RoIScorer, regressor: BoxRegressor?, settings: DetectionSettings,
    sizes: [SIMD2<Float>?]
  ) {
    self.features = features
    self.scorer = scorer
    self.regressor = regressor
    self.settings = settings
    self.sizes = sizes
    buffers = Buffers(scorer)
  }

  /// The detections of consecutive images.
  ///
  /// - Parameter positions: The images' positions in the set.
  /// - Throws: `FeatureSetError` where a feature or a box delta is not finite.
  func detections(ofImages positions: Range<Int>) throws -> [ImageDetections] {
    var pending = positions.map { PendingImage(position: $0, image: features.images[$0]) }
    try orderRows(of: &pending)
    var open = Array(pending.indices)
    while !open.isEmpty {
      var rows: [(pending: Int, row: Int)] = []
      for index in open { rows += pending[index].takeRows().map { (index, $0) } }
      try score(rows, of: &pending)
      for index in open { try suppress(&pending[index]) }
      open.removeAll { pending[$0].isDone }
    }
    return pending.map {
      ImageDetections(imageID: $0.image.id, detections: $0.detections, scoredCount: $0.rowsTaken)
    }
  }

  /// Orders each image's RoIs by what they can score at most, and leaves out those that cannot pass the threshold.
  private func orderRows(of pending: inout [PendingImage]) throws {
    for index in pending.indices {
      let rows = pending[index].image.rows
      var bounds: [Float] = []
      bounds.reserveCapacity(rows.count)
      for block in pieces(of: rows, size: buffers.rows) {
        try features.copyFeatures(rows: block, into: buffers.features)
        guard
          scorer.boundScores(
            features: buffers.features, count: block.count, scratch: buffers.scratch, into: buffers.scores)
        else { return }
        // The scores' own rounding may lift them a little above the bound.
        for row in 0..<block.count { bounds.append(buffers.scores[row] * 1.0001) }
      }
      pending[index].order(by: bounds, above: settings.scoreThreshold)
    }
  }

  private func score(_ rows: [(pending: Int, row: Int)], of pending: inout [PendingImage]) throws {
    let classCount = scorer.classCount
    for block in pieces(of: 0..<rows.count, size: buffers.rows) {
      try features.copyFeatures(
        rows: rows[block].lazy.map(\.row), into: buffers.features)
      scorer.score(features: buffers.features, count: block.count, scratch: buffers.scratch, into: buffers.scores)
      for (offset, (index, row)) in rows[block].enumerated() {
        let firstRow = pending[index].image.rows.lowerBound
        let scores = buffers.scores + offset * classCount
        if settings.takesBestClass {
          var best = 0
          for classIndex in 0..<classCount where scores[classIndex] > scores[best] { best = classIndex }
          if classCount > 0, scores[best] > settings.scoreThreshold {
            pending[index].candidates.add(
              Candidate(score: scores[best], place: (row - firstRow) * classCount + best))
          }
          continue
        }
        let count = bags_indices_above(scores, classCount, settings.scoreThreshold, buffers.indices)
        for place in 0..<count {
          let classIndex = Int(buffers.indices[place])
          pending[index].candidates.add(
            Candidate(score: scores[classIndex], place: (row - firstRow) * classCount + classIndex))
        }
      }
    }
  }

  /// Finds an image's detections among the candidates so far.
  private func suppress(_ pending: inout PendingImage) throws {
    let (image, position) = (pending.image, pending.position)
    var suppression = GreedySuppression(classCount: scorer.classCount, threshold: settings.suppressionIoU)
    var detections: [ImageDetections.Detection] = []
    detections.reserveCapacity(min(settings.maximumPerImage, 1024))
    try pending.candidates.forEach { candidate in
      let (row, classIndex) = candidate.place.quotientAndRemainder(dividingBy: scorer.classCount)
      let box = try box(ofRow: image.rows.lowerBound + row, class: classIndex, imagePosition: position)
      let size = settings.minimumSize
      // mmdetection 1 gives boxes of negative size for tiny proposals: they stay unless a size is asked for.
      if size > 0, box.x2 - box.x1 < size || box.y2 - box.y1 < size { return true }
      if suppression.keeps(box, class: classIndex) {
        detections.append(
          ImageDetections.Detection(
            box: box, score: candidate.score, classIndex: classIndex, row: image.rows.lowerBound + row))
      }
      return detections.count < settings.maximumPerImage
    }
    pending.detections = detections
    pending.floor = detections.count < settings.maximumPerImage ? 0 : detections.last?.score ?? 0
  }

  private func box(ofRow row: Int, class index: Int, imagePosition: Int) throws -> CornerBox {
    let corners = try features.four(.boxes, ofRow: row, from: 0)
    var box = CornerBox(corners.x, corners.y, corners.z, corners.w)
    if let regressor {
      try features.copyFeatures(rows: row..<row + 1, into: buffers.feature)
      box = regressor.coder.decode(regressor.deltas(feature: buffers.feature, class: index), from: box)
    } else if let width = features.width(of: .boxDeltas) {
      let deltas = try features.four(.boxDeltas, ofRow: row, from: width == 4 ? 0 : 4 * index)
      box = settings.boxCoder.decode(deltas, from: box)
    }
    guard (box.x2 - box.x1).isFinite, (box.y2 - box.y1).isFinite else { throw features.boxError(ofRow: row) }
    guard let size = sizes[imagePosition] else { return box }
    return (regressor?.coder ?? settings.boxCoder).clip(box, width: size.x, height: size.y)
  }
}

/// An image whose detections are being found.
private struct PendingImage {
  let position: Int
  let image: FeatureSet.Image
  var candidates = Candidates()
  /// Among the candidates so far.
  var detections: [ImageDetections.Detection] = []
  /// The score below which no RoI changes the detections as they are; 0 as long as they are too few.
  var floor: Float = 0
  /// Rows in the order in which they are scored, and what each can score at most.
  private var order: [(row: Int, bound: Float)]?
  private(set) var rowsTaken = 0

  init(position: Int, image: FeatureSet.Image) {
    self.position = position
    self.image = image
  }

  private var rowCount: Int { order?.count ?? image.rows.count }

  /// Whether no row that is left can change the detections.
  var isDone: Bool { rowsTaken == rowCount || order.map { $0[rowsTaken].bound < floor } ?? false }

  mutating func order(by bounds: [Float], above threshold: Float) {
    order = zip(image.rows, bounds).filter { $0.1 > threshold }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
      .map { (row: $0.0, bound: $0.1) }
  }

  /// Takes the next rows: an eighth of them, then those that can score above the floor; all where they are not ordered.
  mutating func takeRows() -> [Int] {
    guard let order else {
      rowsTaken = rowCount
      return Array(image.rows)
    }
    let start = rowsTaken
    if start == 0 || floor == 0 {
      rowsTaken = min(rowCount, max(2 * start, 32, rowCount / 8))
    } else {
      while rowsTaken < rowCount && order[rowsTaken].bound >= floor { rowsTaken += 1 }
    }
    return order[start..<rowsTaken].map(\.row)
  }
}

/// Room for a block of RoIs.
private final class Buffers {
  let rows: Int
  let features: UnsafeMutablePointer<Float>
  let scratch: UnsafeMutablePointer<Float>
  let scores: UnsafeMutablePointer<Float>
  let indices: UnsafeMutablePointer<UInt32>
  /// Room for one RoI.
  let feature: UnsafeMutablePointer<Float>

  init(_ scorer: any RoIScorer) {
    rows = scorer.rowsAtATime
    features = .allocate(capacity: rows * scorer.inputs)
    scratch = .allocate(capacity: rows * scorer.scratchCount)
    scores = .allocate(capacity: rows * scorer.classCount)
    indices = .allocate(capacity: scorer.classCount)
    feature = .allocate(capacity: scorer.inputs)
  }

  deinit {
    features.deallocate()
    scratch.deallocate()
    scores.deallocate()
    indices.deallocate()
    feature.deallocate()
  }
}
