import LVISDatasets
import LVISEvaluation
import TestSupport

/// Small random data sets in which everything that the rules speak of happens often: ties, ids that stand twice or are
/// 0, unknown categories, areas of 0, ignored objects, crowds, empty images.
struct RandomData {
  var dataset: LVISDataset
  var results: [LiteralEvaluation.Result]
  var options: EvaluationOptions

  /// - Parameter isTied: Whether coordinates and scores come from a few values; else no two are equal.
  init(seed: UInt64, isTied: Bool = true) {
    var generator = TestGenerator(seed: seed)
    func chance(_ probability: Double) -> Bool { Double.random(in: 0..<1, using: &generator) < probability }
    func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }
    func coordinate(_ range: ClosedRange<Int>) -> Double {
      isTied
        ? Double(int(range)) : Double.random(in: Double(range.lowerBound)...Double(range.upperBound), using: &generator)
    }

    var options = EvaluationOptions(
      iouType: [.bbox, .bbox, .segm, .boundary][int(0...3)], rules: chance(0.25) ? .coco : .lvis)
    if options.rules == .coco && options.iouType == .boundary { options.iouType = .segm }
    options.areaRanges = [AreaRange("small", 0...12), AreaRange("medium", 12...30), AreaRange("large", 30...1e10)]
    options.fixesIDZero = chance(0.3)
    if chance(0.3) { options.iouThresholds = [0, 0.5, 0.75, 1].shuffled(using: &generator) }
    options.maxDetectionsPerImage = chance(0.2) ? nil : int(1...14)
    if options.rules == .lvis, chance(0.2) { options.maxDetectionsPerCategory = int(1...10) }
    if options.maxDetectionsPerCategory != nil && options.iouType != .boundary { options.maxDetectionsPerImage = nil }
    if options.iouType == .boundary { options.maxDetectionsPerCategory = nil }
    self.options = options

    let categoryIDs = Array([-4, 0, 3, 11, 500, 70_000_000].shuffled(using: &generator).prefix(int(1...5)))
    let imageIDs = Array([5, 2, 0, -7, 1_000_000_007, 12, 13].shuffled(using: &generator).prefix(int(1...6)))
    let isCOCOStyle = chance(0.2)
    func someCategories() -> [Int] { (categoryIDs + [424_242]).filter { _ in chance(0.3) } }
    let images = imageIDs.map { id in
      LVISImage(
        id: id, width: 16, height: 12,
        negativeCategoryIDs: isCOCOStyle || chance(0.1) ? nil : someCategories(),
        notExhaustiveCategoryIDs: chance(0.1) ? nil : someCategories().filter { _ in chance(0.5) })
    }
    func box() -> BoundingBox {
      BoundingBox(x: coordinate(0...8), y: coordinate(0...6), width: coordinate(0...8), height: coordinate(1...6))
    }
    func mask(_ box: BoundingBox) -> Segmentation {
      let corners = RunLengthMask.corners(of: box)
      if chance(0.1) { return .runLengths(height: 4, width: 4, counts: [0, 16]) }
      guard chance(0.5), let drawn = try? RunLengthMask(polygons: [corners], height: 12, width: 16) else {
        return .polygons(chance(0.2) ? [corners, [1, 1, 4, 1, 4, 5, 1, 5]] : [corners])
      }
      return chance(0.5)
        ? .compressed(height: 12, width: 16, counts: drawn.compressedCounts)
        : .runLengths(height: 12, width: 16, counts: drawn.counts)
    }
    var segmentations = SegmentationColumns()
    let annotations = (0..<int(0...30)).map { index in
      let box = box()
      segmentations.append(mask(box))
      return LVISAnnotation(
        id: isTied && chance(0.1) ? int(0...10) : index, imageID: imageIDs.randomElement(using: &generator) ?? 0,
        categoryID: chance(0.05) ? 31 : categoryIDs.randomElement(using: &generator) ?? 0, box: box,
        area: chance(0.2) ? coordinate(0...40) : nil, isCrowd: chance(0.1), isIgnored: chance(0.1))
    }
    dataset = LVISDataset(
      images: images,
      categories: categoryIDs.map {
        LVISCategory(id: $0, name: "c\($0)", frequency: chance(0.1) ? nil : LVISFrequency.allCases[int(0...2)])
      }, annotations: annotations, segmentations: segmentations)

    let hasBoxes = chance(0.6)
    results = (0..<int(0...60)).map { _ in
      var box = box()
      var (imageID, categoryID) = (
        imageIDs[int(0...(imageIDs.count - 1))], categoryIDs[int(0...(categoryIDs.count - 1))]
      )
      if chance(0.5), let object = annotations.randomElement(using: &generator) {
        (box, imageID, categoryID) = (object.box, object.imageID, object.categoryID)
        box.x += coordinate(0...1)
      }
      if chance(0.05) { categoryID = 9_999 }
      let score = isTied ? [0, -0.0, 0.25, 0.5, 1][int(0...4)] : Double.random(in: 0...1, using: &generator)
      return LiteralEvaluation.Result(
        detection: Detection(imageID: imageID, categoryID: categoryID, box: box, score: score), hasBox: hasBoxes,
        mask: hasBoxes && chance(0.3) ? nil : mask(box))
    }
  }

  var columns: DetectionColumns { Self.columns(results) }

  static func columns(_ results: [LiteralEvaluation.Result]) -> DetectionColumns {
    var columns = DetectionColumns()
    var segmentations = SegmentationColumns()
    for (index, result) in results.enumerated() {
      columns.append(result.detection)
      if !result.hasBox {
        columns.boxes[index] = BoundingBox(x: 0, y: 0, width: 0, height: 0)
        columns.presences[index].remove(.box)
      }
      if result.mask != nil { columns.presences[index].insert(.segmentation) }
      segmentations.append(result.mask)
    }
    columns.segmentations = segmentations
    return columns
  }
}
