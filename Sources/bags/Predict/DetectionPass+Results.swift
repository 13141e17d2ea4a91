import BalancedGroupSoftmax
import Communication

extension ImageDetecting {
  /// Detects on every image and writes what it finds, with progress: as columns of tensors where the path ends in
  /// `.safetensors` or `.npz`, else as LVIS results.
  ///
  /// - Parameters:
  ///   - path: The file to write.
  ///   - categoryIDs: The category of each class.
  /// - Returns: The number of detections, and of the examples that were scored for them; this process's only where several
  ///   share the images.
  /// - Throws: `FileError`; what stood at `path` is then as it was.
  func writeResults(to path: String, categoryIDs: [Int]) throws -> (detections: Int, scored: Int) {
    let ranks = try Ranks.joined()
    if ranks.count > 1 { return try writeTogether(to: path, categoryIDs: categoryIDs, ranks: ranks) }
    if DetectionColumns.areTensors(at: path) {
      var columns = DetectionColumns()
      let scored = try forEachImage(showingProgress: { Self.detections(of: $0, categoryIDs: categoryIDs) }) {
        for detection in $0 { columns.append(detection) }
      }
      try columns.writeTensors(to: path)
      return (columns.count, scored)
    }
    let writer = try DetectionResultsWriter(at: path)
    let scored = try forEachImage(showingProgress: { Self.text(of: $0, categoryIDs: categoryIDs) }) {
      try writer.append($0)
    }
    try writer.commit()
    return (writer.count, scored)
  }

  private static func detections(of image: ImageDetections, categoryIDs: [Int]) -> [Detection] {
    image.detections.map { detection in
      Detection(
        imageID: image.imageID, categoryID: categoryIDs[detection.classIndex], box: BoundingBox(detection.box),
        score: Double(detection.score))
    }
  }

  private static func text(of image: ImageDetections, categoryIDs: [Int]) -> DetectionResultsText {
    var text = DetectionResultsText()
    for detection in image.detections {
      let box = detection.box
      text.add(
        imageID: image.imageID, categoryID: categoryIDs[detection.classIndex],
        box: SIMD4(box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1), score: detection.score)
    }
    return text
  }

  /// Each process detects on its part of the images and keeps what it finds; the first one writes the parts in their order.
  private func writeTogether(
    to path: String, categoryIDs: [Int], ranks: any Communicator
  ) throws -> (detections: Int, scored: Int) {
    var part = self
    part.share = (ranks.rank, ranks.count)
    if DetectionColumns.areTensors(at: path) {
      var (found, all) = (DetectionColumns(), DetectionColumns())
      let scored = try Ranks.agreed {
        try part.forEachImage(showingProgress: { Self.detections(of: $0, categoryIDs: categoryIDs) }) {
          for detection in $0 { found.append(detection) }
        }
      }
      try ranks.collect(found.message) { all.append(message: $0) }
      if ranks.rank == 0 { try all.writeTensors(to: path) }
      return (all.count, scored)
    }
    var text = DetectionResultsText()
    let scored = try Ranks.agreed {
      try part.forEachImage(showingProgress: { Self.text(of: $0, categoryIDs: categoryIDs) }) { text.append($0) }
    }
    let writer = ranks.rank == 0 ? try DetectionResultsWriter(at: path) : nil
    try ranks.collect(text.message) { try writer?.append(DetectionResultsText(message: $0)) }
    try writer?.commit()
    return (writer?.count ?? 0, scored)
  }

  /// - Returns: The number of examples that were scored.
  private func forEachImage<Result: Sendable>(
    showingProgress transform: @Sendable (ImageDetections) throws -> Result, deliver: (Result) throws -> Void
  ) throws -> Int {
    let progress = ProgressLine("predict")
    defer { progress.finish() }
    let total = self.imageCount
    var (imageCount, scoredCount) = (0, 0)
    try forEachImage {
      (scored: $0.scoredCount, result: try transform($0))
    } deliver: { image in
      try deliver(image.result)
      imageCount += 1
      scoredCount += image.scored
      progress.update(
        Double(imageCount) / Double(total), detail: "\(grouped(imageCount)) of \(grouped(total)) images")
    }
    return scoredCount
  }
}

extension DetectionColumns {
  /// Seven numbers a detection, as bytes that another process of the same program reads.
  fileprivate var message: [UInt8] {
    (0..<count).flatMap { index in
      let (detection, box) = (self[index], boxes[index])
      return [
        UInt64(bitPattern: Int64(detection.imageID)), UInt64(bitPattern: Int64(detection.categoryID)),
        box.x.bitPattern, box.y.bitPattern, box.width.bitPattern, box.height.bitPattern, detection.score.bitPattern,
      ].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
    }
  }

  /// Adds the detections that `message` of another process says.
  fileprivate mutating func append(message: [UInt8]) {
    let words = stride(from: 0, to: message.count, by: 8).map { start in
      message[start..<start + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    }
    for first in stride(from: 0, to: words.count, by: 7) {
      let numbers = words[first + 2..<first + 7].map { Double(bitPattern: $0) }
      append(
        Detection(
          imageID: Int(Int64(bitPattern: words[first])), categoryID: Int(Int64(bitPattern: words[first + 1])),
          box: BoundingBox(x: numbers[0], y: numbers[1], width: numbers[2], height: numbers[3]), score: numbers[4]))
    }
  }
}
