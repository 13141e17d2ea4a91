import BalancedGroupSoftmax

extension ImageDetecting {
  /// Detects on every image and writes what it finds, with progress: as columns of tensors where the path ends in
  /// `.safetensors`, else as LVIS results.
  ///
  /// - Parameters:
  ///   - path: The file to write.
  ///   - categoryIDs: The category of each class.
  /// - Returns: The number of detections.
  /// - Throws: `FileError`; what stood at `path` is then as it was.
  func writeResults(to path: String, categoryIDs: [Int]) throws -> Int {
    if path.hasSuffix(".safetensors") {
      var columns = DetectionColumns()
      try forEachImage(showingProgress: { image in
        image.detections.map { detection in
          Detection(
            imageID: image.imageID, categoryID: categoryIDs[detection.classIndex], box: BoundingBox(detection.box),
            score: Double(detection.score))
        }
      }) { for detection in $0 { columns.append(detection) } }
      try columns.writeTensors(to: path)
      return columns.count
    }
    let writer = try DetectionResultsWriter(at: path)
    try forEachImage(showingProgress: { image in
      var text = DetectionResultsText()
      for detection in image.detections {
        let box = detection.box
        text.add(
          imageID: image.imageID, categoryID: categoryIDs[detection.classIndex],
          box: SIMD4(box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1), score: detection.score)
      }
      return text
    }) { try writer.append($0) }
    try writer.commit()
    return writer.count
  }

  private func forEachImage<Result: Sendable>(
    showingProgress transform: @Sendable (ImageDetections) throws -> Result, deliver: (Result) throws -> Void
  ) throws {
    let progress = ProgressLine("predict")
    defer { progress.finish() }
    let total = self.imageCount
    var imageCount = 0
    try forEachImage(transform) { result in
      try deliver(result)
      imageCount += 1
      progress.update(
        Double(imageCount) / Double(total), detail: "\(grouped(imageCount)) of \(grouped(total)) images")
    }
  }
}
