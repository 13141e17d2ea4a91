import LVISDatasets

extension DataFinding.Code {
  /// Images with objects for which there is no detection.
  public static let imagesWithoutDetections = Self(rawValue: "images-without-detections")
  /// Detections of one image and category with the same box.
  public static let repeatedDetections = Self(rawValue: "repeated-detections")
  /// Classes with objects for which there is no detection.
  public static let classesWithoutDetections = Self(rawValue: "classes-without-detections")
  /// Detections that the caps cut off.
  public static let cappedDetections = Self(rawValue: "capped-detections")
}

extension LVISEvaluator {
  /// All that can be said about detections beside the ground truth: `findings(of:)`, and what is only worth a look, such
  /// as images and classes without detections, and boxes that stand twice.
  ///
  /// - Parameter prepared: The detections.
  /// - Returns: The findings, in an order that does not change.
  /// - Complexity: O(n) in the detections, with memory for each of them.
  public func inspection(of prepared: PreparedDetections) -> [DataFinding] {
    let own = findings(of: prepared)
    guard prepared.count > 0 else { return own }
    return own
      + [
        imagesWithoutDetections(prepared), classesWithoutDetections(prepared), repeatedDetections(prepared),
        cappedDetections(prepared),
      ].compactMap { $0?.inFile(prepared.path) }
  }

  private func imagesWithoutDetections(_ prepared: PreparedDetections) -> DataFinding? {
    var hasDetection = [Bool](repeating: false, count: truth.images.count)
    for image in prepared.table.images { hasDetection[Int(image)] = true }
    let withObjects = hasDetection.indices.filter { !truth.objectRange(ofImage: $0).isEmpty }
    let bare = withObjects.filter { !hasDetection[$0] }
    guard let first = bare.first else { return nil }
    return DataFinding(
      .imagesWithoutDetections, 10 * bare.count >= withObjects.count ? .warning : .note, count: bare.count,
      "\(share(bare.count, of: withObjects.count, "image")) with objects \(bare.count == 1 ? "has" : "have") no detection",
      example: "image \(truth.images.ids[first])", remedy: "were all images predicted?")
  }

  private func classesWithoutDetections(_ prepared: PreparedDetections) -> DataFinding? {
    var hasDetection = [Bool](repeating: false, count: truth.categories.count)
    for category in prepared.table.categories where category >= 0 { hasDetection[Int(category)] = true }
    var hasObject = [Bool](repeating: false, count: truth.categories.count)
    for category in truth.categoryOfObject { hasObject[Int(category)] = true }
    let bare = hasObject.indices.filter { hasObject[$0] && !hasDetection[$0] }
    guard let first = bare.first else { return nil }
    let all = hasObject.count { $0 }
    return DataFinding(
      .classesWithoutDetections, 2 * bare.count >= all ? .warning : .note, count: bare.count,
      "\(share(bare.count, of: all, "class", "classes")) with objects \(bare.count == 1 ? "has" : "have") no detection",
      example: "category \(truth.categories[first].id) (\(truth.categories[first].name))",
      remedy: "the AP there is 0; a lower score threshold, or a head trained for rare classes, finds some")
  }

  private func repeatedDetections(_ prepared: PreparedDetections) -> DataFinding? {
    struct PlacedBox: Hashable {
      var image: Int32
      var category: Int32
      var box: BoundingBox
    }
    var seen: Set<PlacedBox> = []
    seen.reserveCapacity(prepared.count)
    var repeated = 0
    var first = 0
    for detection in 0..<prepared.count {
      let placed = PlacedBox(
        image: prepared.table.images[detection], category: prepared.table.categories[detection],
        box: prepared.table.boxes[detection])
      guard !seen.insert(placed).inserted else { continue }
      if repeated == 0 { first = detection }
      repeated += 1
    }
    guard 100 * repeated >= prepared.count, repeated > 0 else { return nil }
    return DataFinding(
      .repeatedDetections, count: repeated,
      "\(share(repeated, of: prepared.count, "detection")) \(repeated == 1 ? "repeats a box" : "repeat boxes") of its "
        + "image and category", example: "results[\(first)]",
      remedy: "all but one are false positives: was non-maximum suppression left out, or a file put together twice?")
  }

  private func cappedDetections(_ prepared: PreparedDetections) -> DataFinding? {
    let cut = prepared.count - prepared.groups.count
    guard cut > 0 else { return nil }
    let caps = [
      options.maxDetectionsPerImage.map { "\($0) an image" }, options.maxDetectionsPerCategory.map { "\($0) a class" },
    ].compactMap(\.self)
    return DataFinding(
      .cappedDetections, .note, count: cut,
      "\(share(cut, of: prepared.count, "detection")) \(cut == 1 ? "is" : "are") beyond the cap of "
        + "\(caps.joined(separator: " and ")), and not scored")
  }
}
