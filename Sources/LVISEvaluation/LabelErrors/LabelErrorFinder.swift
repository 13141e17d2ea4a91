import LVISDatasets

/// Looks for likely errors among the annotations of one image after another.
struct LabelErrorFinder<Source: Overlap> {
  private let truth: GroundTruthIndex
  private let table: DetectionTable
  private let comparesMasks: Bool
  private let splits: ClassSplits
  private var overlap: Source
  private var statuses: ImageStatuses
  private var image = 0
  private var objects = 0..<0
  private(set) var findings: [LabelErrors.Finding] = []

  init(_ evaluator: LVISEvaluator, _ table: DetectionTable, _ overlap: Source, _ splits: ClassSplits) {
    truth = evaluator.truth
    self.table = table
    self.overlap = overlap
    self.splits = splits
    comparesMasks = evaluator.options.iouType != .bbox
    statuses = ImageStatuses(truth)
  }

  /// Adds an image's likely errors.
  ///
  /// - Parameter detections: Those of its detections that are confident.
  mutating func search(image: Int, detections: ArraySlice<Int32>) {
    self.image = image
    objects = truth.objectRange(ofImage: image)
    findDuplicates()
    guard !detections.isEmpty else { return }
    statuses.turn(to: image)
    overlap.begin(objects)
    let best = detections.sortedByDescendingScore(table.scores).filter { table.categories[Int($0)] >= 0 }
    let rows = best.map { detection -> [Double] in
      var row = [Double](repeating: 0, count: objects.count)
      guard !objects.isEmpty, !comparesMasks || table.maskOfDetection[Int(detection)] >= 0 else { return row }
      overlap.fill(&row, detection: Int(detection))
      return row
    }
    findContradicted(best, rows)
    findMissing(best, rows)
  }

  private func category(of object: Int) -> Int32 {
    for pair in truth.pairs(of: image) where truth.objectRange(ofPair: pair).contains(object) {
      return truth.pairs[pair].category
    }
    return -1
  }

  private mutating func findContradicted(_ detections: [Int32], _ rows: [[Double]]) {
    let categories = objects.map(category)
    let foreground = DetectionAnalysis.foregroundThreshold
    let isExplained = zip(detections, rows).map { detection, row in
      row.indices.contains { row[$0] >= foreground && categories[$0] == table.categories[Int(detection)] }
    }
    for (offset, object) in objects.enumerated() where !truth.objects[object].isIgnored {
      let on = rows.indices.filter { rows[$0][offset] >= foreground }
      guard on.allSatisfy({ table.categories[Int(detections[$0])] != categories[offset] }),
        let other = on.first(where: { !isExplained[$0] })
      else { continue }
      let detection = Int(detections[other])
      add(
        .contradicted, object: object, categories[offset], box: truth.objects[object].box,
        suggestion: table.categories[detection], otherBox: table.boxes[detection], score: table.scores[detection],
        overlap: rows[other][offset])
    }
  }

  private mutating func findMissing(_ detections: [Int32], _ rows: [[Double]]) {
    var kept: [BoundingBox] = []
    for (detection, row) in zip(detections, rows) {
      let (category, box) = (table.categories[Int(detection)], table.boxes[Int(detection)])
      let nearest = row.max() ?? 0
      guard nearest < DetectionAnalysis.backgroundThreshold, box.area > 0, statuses.isSearched(category),
        !statuses.isNotExhaustive(category)
      else { continue }
      // Of several on one spot the best.
      guard !kept.contains(where: { $0.intersectionOverUnion(with: box) >= DetectionAnalysis.foregroundThreshold })
      else { continue }
      kept.append(box)
      add(
        .missing, category, box: box, suggestion: category, otherBox: box, score: table.scores[Int(detection)],
        overlap: max(0, nearest))
    }
  }

  private mutating func findDuplicates() {
    guard objects.count > 1 else { return }
    var masks: [UnpackedMask] = []
    if comparesMasks {
      masks = objects.map { object in
        var mask = UnpackedMask()
        truth.masks.unpack(object, into: &mask)
        return mask
      }
    }
    for object in objects where !truth.objects[object].isCrowd {
      for other in (object + 1)..<objects.upperBound where !truth.objects[other].isCrowd {
        let first = object - objects.lowerBound
        let second = other - objects.lowerBound
        let value =
          comparesMasks
          ? masks[first].intersectionOverUnion(with: masks[second], isCrowd: false)
          : truth.objects[object].box.intersectionOverUnion(with: truth.objects[other].box)
        guard value >= LabelErrors.duplicateThreshold else { continue }
        add(
          .duplicate, object: object, category(of: object), box: truth.objects[object].box,
          suggestion: category(of: other), otherBox: truth.objects[other].box, otherObject: other, overlap: value)
      }
    }
  }

  private mutating func add(
    _ kind: LabelErrors.Kind, object: Int? = nil, _ category: Int32, box: BoundingBox, suggestion: Int32,
    otherBox: BoundingBox, otherObject: Int? = nil, score: Double? = nil, overlap: Double
  ) {
    func named(_ place: Int32) -> LabelErrors.Category {
      LabelErrors.Category(id: truth.categories[Int(place)].id, name: truth.categories[Int(place)].name)
    }
    let size = truth.imageSizes[image]
    findings.append(
      LabelErrors.Finding(
        kind: kind, imageID: truth.images.ids[image], imageSize: [size.width, size.height],
        annotationID: object.map { truth.annotationIDs[$0] }, category: named(category),
        split: splits.splits[splits.rows(of: category)[0]], box: [box.x, box.y, box.width, box.height],
        suggestion: named(suggestion), otherBox: [otherBox.x, otherBox.y, otherBox.width, otherBox.height],
        otherAnnotationID: otherObject.map { truth.annotationIDs[$0] }, score: score, overlap: overlap))
  }
}
