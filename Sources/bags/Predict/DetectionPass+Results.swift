import BalancedGroupSoftmax

extension ImageDetecting {
  /// Detects on every image and writes what it finds as LVIS results, with progress.
  ///
  /// - Parameters:
  ///   - path: The file to write.
  ///   - categoryIDs: The category of each class.
  /// - Returns: The number of detections.
  /// - Throws: `FileError`; what stood at `path` is then as it was.
  func writeResults(to path: String, categoryIDs: [Int]) throws -> Int {
    let writer = try DetectionResultsWriter(at: path)
    let progress = ProgressLine("predict")
    defer { progress.finish() }
    let total = self.imageCount
    var imageCount = 0
    try forEachImage { image in
      var text = DetectionResultsText()
      for detection in image.detections {
        let box = detection.box
        text.add(
          imageID: image.imageID, categoryID: categoryIDs[detection.classIndex],
          box: SIMD4(box.x1, box.y1, box.x2 - box.x1, box.y2 - box.y1), score: detection.score)
      }
      return text
    } deliver: { text in
      try writer.append(text)
      imageCount += 1
      progress.update(
        Double(imageCount) / Double(total), detail: "\(grouped(imageCount)) of \(grouped(total)) images")
    }
    try writer.commit()
    return writer.count
  }
}
