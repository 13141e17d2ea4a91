import LVISDatasets

/// Counts what makes detections worthless for a structural reason, while they are read.
struct DetectionCensus: Sendable {
  private(set) var count = 0
  private var boxes = BoxCensus()
  private var masks = MaskSizeCensus()
  private var scores = (least: Double.infinity, greatest: -Double.infinity)
  private var ofUnknownCategories = 0
  private var firstOfUnknownCategory: (element: Int, id: Int)?
  /// The first thousand different ones.
  private var unknownCategories: Set<Int> = []

  /// - Parameters:
  ///   - element: The detection's place in the file.
  ///   - isKnown: Whether the ground truth lists its category.
  ///   - box: `nil` where it has none.
  @inline(__always)
  mutating func add(
    element: Int, category: Int, isKnown: Bool, score: Double, box: BoundingBox?, imageSize: (height: Int, width: Int)
  ) {
    count += 1
    scores.least = min(scores.least, score)
    scores.greatest = max(scores.greatest, score)
    if !isKnown { addUnknown(category, element) }
    if let box {
      boxes.add(box, imageWidth: Double(imageSize.width), imageHeight: Double(imageSize.height), element: element)
    }
  }

  @inline(never)
  private mutating func addUnknown(_ category: Int, _ element: Int) {
    ofUnknownCategories += 1
    if firstOfUnknownCategory == nil { firstOfUnknownCategory = (element, category) }
    if unknownCategories.count < 1000 { unknownCategories.insert(category) }
  }

  mutating func add(
    _ segmentations: SegmentationColumns, first: Int, image: (Int) -> (id: Int, height: Int, width: Int)
  ) {
    masks.add(segmentations, first: first, list: "results", image: image)
  }

  /// Adds what another census counted later.
  mutating func merge(_ later: DetectionCensus) {
    count += later.count
    boxes.merge(later.boxes)
    masks.merge(later.masks)
    scores = (min(scores.least, later.scores.least), max(scores.greatest, later.scores.greatest))
    ofUnknownCategories += later.ofUnknownCategories
    if firstOfUnknownCategory == nil { firstOfUnknownCategory = later.firstOfUnknownCategory }
    unknownCategories.formUnion(later.unknownCategories)
  }

  /// What is odd.
  ///
  /// - Parameters:
  ///   - known: The ids of the categories that the ground truth lists, ascending.
  ///   - path: The results' file.
  func findings(known: [Int], path: String?) -> [DataFinding] {
    guard count > 0 else { return [DataFinding.noDetections.inFile(path)] }
    var findings: [DataFinding] = []
    if let first = firstOfUnknownCategory {
      let ids = unknownCategories.sorted()
      let kinds = ids.count == 1 ? "category \(ids[0])" : "categories \(listed(ids))"
      let range = known.first.map { first in known.count == 1 ? "(\(first))" : "(\(first)–\(known[known.count - 1]))" }
      findings.append(
        DataFinding(
          .unknownCategories, count: ofUnknownCategories,
          "\(share(ofUnknownCategories, of: count, "detection")) \(ofUnknownCategories == 1 ? "is" : "are") of \(kinds), "
            + "which the annotations do not list\(range.map { " " + $0 } ?? "")",
          example: "results[\(first.element)].category_id: \(first.id)",
          remedy: likelyCause(ofUnknown: ids, known: known)))
    }
    findings += boxes.findings(noun: "detection", list: "results")
    findings += masks.findings
    if count > 1, scores.least == scores.greatest {
      findings.append(
        DataFinding(
          .equalScores, count: count, "all \(count) detections have the score \(scores.least)",
          remedy: "AP ranks detections by score: nothing but their order decides"))
    }
    return findings.map { $0.inFile(path) }
  }
}
