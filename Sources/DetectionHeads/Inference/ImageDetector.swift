import CVectorKernels

/// Turns the RoIs of a few images at a time into detections, on one thread.
///
/// Scores are multiplied out for as many RoIs as it takes. Where the scorer bounds each RoI's scores beforehand, RoIs
/// are scored in descending order of their bounds; an image is done once it has all its detections with scores above
/// the next bound, since no later RoI can add one or suppress one. The detections are those of scoring all RoIs.
final class ImageDetector {
  private let features: FeatureSet
  private let scorer: any RoIScorer
  private let settings: DetectionSettings
  /// Width and height by image position; `nil` where they are not known.
  private let sizes: [SIMD2<Float>?]
  private let buffers: Buffers

  init(
    features: FeatureSet, scorer: any RoIScorer, settings: DetectionSettings, sizes: [SIMD2<Float>?]
  ) {
    self.features = features
    self.scorer = scorer
    self.settings = settings
    self.sizes = sizes
    buffers = Buffers(scorer)
  }

  /// The RoIs that are scored at a time: enough for the product to run at full speed, few enough to stay in the cache.
  static func rowsAtATime(_ scorer: any RoIScorer) -> Int {
    let bytesPerRow = 4 * (scorer.inputs + scorer.scratchCount + scorer.classCount)
    return min(1024, max(64, (64 << 20) / bytesPerRow))
  }

  /// The detections of consecutive images.
  ///
  /// - Parameter positions: The images' positions in the set.
  /// - Throws: `FeatureSetError` where a feature or a box delta is not finite.
  func detections(ofImages positions: Range<Int>) throws -> [ImageDetections] {
    var pending = positions.map { PendingImage(position: $0, image: features.images[$0]) }
    try orderRows(of: &pending)
    var done: [Int: [ImageDetections.Detection]] = [:]
    var share = 4
    while done.count < pending.count {
      let open = pending.indices.filter { done[pending[$0].position] == nil }
      var rows: [(pending: Int, row: Int)] = []
      for index in open {
        rows += pending[index].takeRows(oneIn: share).map { (index, $0) }
      }
      try score(rows, of: &pending)
      for index in open {
        if let detections = try suppress(pending[index]) { done[pending[index].position] = detections }
      }
      share = max(1, share / 2)
    }
    return pending.map { ImageDetections(imageID: $0.image.id, detections: done[$0.position] ?? []) }
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
        let count = bags_indices_above(scores, classCount, settings.scoreThreshold, buffers.indices)
        for place in 0..<count {
          let classIndex = Int(buffers.indices[place])
          pending[index].candidates.append(
            Candidate(score: scores[classIndex], place: (row - firstRow) * classCount + classIndex))
        }
      }
    }
  }

  /// An image's detections; `nil` as long as RoIs that are not scored yet could change them.
  private func suppress(_ pending: PendingImage) throws -> [ImageDetections.Detection]? {
    var queue = CandidateQueue(pending.candidates)
    var suppression = GreedySuppression(classCount: scorer.classCount, threshold: settings.suppressionIoU)
    var detections: [ImageDetections.Detection] = []
    let unseen = pending.nextBound
    while detections.count < settings.maximumPerImage, let candidate = queue.next() {
      if let unseen, candidate.score <= unseen { return nil }
      let (row, classIndex) = candidate.place.quotientAndRemainder(dividingBy: scorer.classCount)
      let box = try box(ofRow: pending.image.rows.lowerBound + row, class: classIndex, imagePosition: pending.position)
      guard suppression.keeps(box, class: classIndex) else { continue }
      detections.append(
        ImageDetections.Detection(
          box: box, score: candidate.score, classIndex: classIndex, row: pending.image.rows.lowerBound + row))
    }
    return unseen != nil && detections.count < settings.maximumPerImage ? nil : detections
  }

  private func box(ofRow row: Int, class index: Int, imagePosition: Int) throws -> CornerBox {
    let corners = try features.four(.boxes, ofRow: row, from: 0)
    var box = CornerBox(corners.x, corners.y, corners.z, corners.w)
    if let width = features.width(of: .boxDeltas) {
      let deltas = try features.four(.boxDeltas, ofRow: row, from: width == 4 ? 0 : 4 * index)
      box = settings.boxCoder.decode(deltas, from: box)
    }
    guard (box.x2 - box.x1).isFinite, (box.y2 - box.y1).isFinite else { throw features.boxError(ofRow: row) }
    guard let size = sizes[imagePosition] else { return box }
    return settings.boxCoder.clip(box, width: size.x, height: size.y)
  }
}

/// An image whose detections are being found.
private struct PendingImage {
  let position: Int
  let image: FeatureSet.Image
  var candidates: [Candidate] = []
  /// Rows in the order in which they are scored, and what each can score at most.
  private var order: [(row: Int, bound: Float)]?
  private var rowsTaken = 0

  init(position: Int, image: FeatureSet.Image) {
    self.position = position
    self.image = image
  }

  private var rowCount: Int { order?.count ?? image.rows.count }

  /// The most that a row not taken yet can score; `nil` where all are taken.
  var nextBound: Float? { rowsTaken < rowCount ? order?[rowsTaken].bound ?? .infinity : nil }

  mutating func order(by bounds: [Float], above threshold: Float) {
    order = zip(image.rows, bounds).filter { $0.1 > threshold }.sorted { ($1.1, $0.0) < ($0.1, $1.0) }
      .map { (row: $0.0, bound: $0.1) }
  }

  /// Takes the next rows: some of them where they are ordered, else all.
  mutating func takeRows(oneIn share: Int) -> [Int] {
    let end = order == nil ? rowCount : min(rowCount, rowsTaken + max(32, (rowCount + share - 1) / share))
    defer { rowsTaken = end }
    return order.map { order in (rowsTaken..<end).map { order[$0].row } } ?? Array(image.rows)
  }
}

/// Room for a block of RoIs.
private final class Buffers {
  let rows: Int
  let features: UnsafeMutablePointer<Float>
  let scratch: UnsafeMutablePointer<Float>
  let scores: UnsafeMutablePointer<Float>
  let indices: UnsafeMutablePointer<UInt32>

  init(_ scorer: any RoIScorer) {
    rows = ImageDetector.rowsAtATime(scorer)
    features = .allocate(capacity: rows * scorer.inputs)
    scratch = .allocate(capacity: rows * scorer.scratchCount)
    scores = .allocate(capacity: rows * scorer.classCount)
    indices = .allocate(capacity: scorer.classCount)
  }

  deinit {
    features.deallocate()
    scratch.deallocate()
    scores.deallocate()
    indices.deallocate()
  }
}
