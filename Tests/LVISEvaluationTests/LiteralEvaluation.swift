import LVISDatasets
import LVISEvaluation
import Reporting

/// The evaluation of lvis-api and of pycocotools, written down step by step, without a thought for speed: what the real
/// implementation is held against on random data.
struct LiteralEvaluation {
  struct Object {
    var annotation: LVISAnnotation
    var mask: Segmentation?
  }

  struct Result {
    var detection: Detection
    var hasBox = true
    var mask: Segmentation?
    var area = 0.0
    /// Where it stands in the file.
    var index = 0
  }

  let dataset: LVISDataset
  let options: EvaluationOptions
  var isCOCO: Bool { options.rules == .coco }

  // MARK: Caps (lvis-api LVISResults.limit_dets_per_image)

  func capped(_ results: [Result]) -> [Result] {
    var list = results
    if !isCOCO, let cap = options.maxDetectionsPerImage {
      list = grouped(list) { $0.detection.imageID }.flatMap { group in
        group.count > cap ? Array(sorted(group).prefix(cap)) : group
      }
    }
    if let cap = options.maxDetectionsPerCategory {
      list = grouped(list) { $0.detection.categoryID }.flatMap { sorted($0).prefix(cap) }
    }
    return list
  }

  private func sorted(_ list: [Result]) -> [Result] {
    list.enumerated().sorted {
      ($1.element.detection.score, $0.offset) < ($0.element.detection.score, $1.offset)
    }.map(\.element)
  }

  /// Groups in order of their first member.
  private func grouped(_ list: [Result], by key: (Result) -> Int) -> [[Result]] {
    var order: [Int] = []
    var groups: [Int: [Result]] = [:]
    for result in list {
      if groups[key(result)] == nil { order.append(key(result)) }
      groups[key(result), default: []].append(result)
    }
    return order.compactMap { groups[$0] }
  }

  // MARK: Filling in (lvis-api LVISResults.__init__)

  func filledIn(_ results: [Result]) throws -> [Result] {
    guard let first = results.first else { return [] }
    return try results.map { result in
      var result = result
      if first.hasBox {
        result.area = result.detection.box.area
        if result.mask == nil { result.mask = .polygons([RunLengthMask.corners(of: result.detection.box)]) }
      } else if let mask = result.mask {
        let drawn = try draw(mask, image: result.detection.imageID)
        result.area = Double(drawn.area)
        if !result.hasBox { result.detection.box = drawn.boundingBox }
      }
      return result
    }
  }

  private func draw(_ mask: Segmentation, image id: Int) throws -> RunLengthMask {
    switch mask {
    case .polygons(let polygons):
      let image = dataset.images.first { $0.id == id }
      return try RunLengthMask(polygons: polygons, height: image?.height ?? 0, width: image?.width ?? 0)
    case .runLengths(let height, let width, let counts):
      return try RunLengthMask(height: height, width: width, counts: counts)
    case .compressed(let height, let width, let counts):
      return try RunLengthMask(height: height, width: width, compressedCounts: counts)
    }
  }

  // MARK: What takes part (lvis-api LVIS.get_ann_ids, LVISEval._prepare)

  /// Annotations as the reference's index finds them: the last one stands for all with its id.
  func survivingObjects() -> [Object] {
    let known = Set(dataset.categories.map(\.id))
    var list: [Object] = []
    for image in dataset.images {
      for annotation in dataset.annotations where annotation.imageID == image.id {
        guard known.contains(annotation.categoryID), isCOCO || annotation.area > 0 else { continue }
        guard let position = dataset.annotations.lastIndex(where: { $0.id == annotation.id }) else { continue }
        list.append(Object(annotation: dataset.annotations[position], mask: dataset.segmentations?[position]))
      }
    }
    return list
  }

  func counts(_ result: Result, _ objects: [Object]) -> Bool {
    guard dataset.categories.contains(where: { $0.id == result.detection.categoryID }) else { return false }
    if isCOCO { return true }
    guard result.area > 0, let image = dataset.images.first(where: { $0.id == result.detection.imageID }) else {
      return false
    }
    guard let negatives = image.negativeCategoryIDs else { return true }
    return negatives.contains(result.detection.categoryID)
      || objects.contains {
        $0.annotation.imageID == image.id && $0.annotation.categoryID == result.detection.categoryID
      }
  }

  // MARK: Overlap (lvis-api LVISEval.compute_iou)

  func overlap(_ result: Result, _ object: Object, isCrowd: Bool) throws -> Double {
    if options.iouType == .bbox {
      let (a, b) = (result.detection.box, object.annotation.box)
      let width = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
      let height = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
      guard width > 0, height > 0 else { return 0 }
      let shared = width * height
      return isCrowd ? shared / a.area : shared / (a.area + b.area - shared)
    }
    guard let first = result.mask, let second = object.mask else { return 0 }
    let a = try draw(first, image: result.detection.imageID)
    let b = try draw(second, image: object.annotation.imageID)
    let overlap = a.intersectionOverUnion(with: b, isCrowd: isCrowd)
    return options.iouType == .boundary && !isCrowd ? min(overlap, a.boundaryIntersectionOverUnion(with: b)) : overlap
  }

  // MARK: Matching and areas (lvis-api LVISEval.evaluate_img; pycocotools cocoeval.py, evaluateImg)

  struct Matched {
    var score: Double
    var rank: Int
    var isMatched: Bool
    var isIgnored: Bool
  }

  private func match(
    _ results: [Result], _ objects: [Object], _ overlaps: [[Double]], threshold: Double, range: ClosedRange<Double>,
    notExhaustive: Bool, honoursCrowds: Bool
  ) -> [Matched] {
    func isIgnored(_ object: Object) -> Bool {
      let flagged =
        isCOCO ? object.annotation.isCrowd : object.annotation.isIgnored || honoursCrowds && object.annotation.isCrowd
      return flagged || !range.contains(object.annotation.area)
    }
    let order =
      objects.indices.filter { !isIgnored(objects[$0]) } + objects.indices.filter { isIgnored(objects[$0]) }
    var taken: Set<Int> = []
    return results.enumerated().map { rank, result in
      var best = min(threshold, 1 - 1e-10)
      var match: Int?
      for object in order {
        if taken.contains(object) && !(honoursCrowds && objects[object].annotation.isCrowd) { continue }
        if let match, !isIgnored(objects[match]), isIgnored(objects[object]) { break }
        if overlaps[rank][object] < best { continue }
        best = overlaps[rank][object]
        match = object
      }
      if let match { taken.insert(match) }
      let reads = match.map { objects[$0].annotation.id != 0 || options.fixesIDZero } ?? false
      let ignoresUnmatched = notExhaustive || !range.contains(result.area)
      return Matched(
        score: result.detection.score, rank: rank, isMatched: reads,
        isIgnored: match.map { isIgnored(objects[$0]) } ?? false || !reads && ignoresUnmatched)
    }
  }

  // MARK: Precision, recall and their means (lvis-api LVISEval.accumulate, _summarize)

  /// Precision at the recall points, and recall; `nil` without objects to count.
  func accumulate(_ lists: [[Matched]], objects: Int) -> (precision: [Double], recall: Double)? {
    guard objects > 0 else { return nil }
    let ranked = lists.joined().enumerated().sorted {
      ($1.element.score, $0.offset) < ($0.element.score, $1.offset)
    }.map(\.element)
    var (hits, misses) = (0.0, 0.0)
    var precision: [Double] = []
    var recall: [Double] = []
    for matched in ranked {
      if !matched.isIgnored { if matched.isMatched { hits += 1 } else { misses += 1 } }
      precision.append(hits / (misses + hits + 0x1p-52))
      recall.append(hits / Double(objects))
    }
    for index in precision.indices.dropLast().reversed() {
      precision[index] = max(precision[index], precision[index + 1])
    }
    let points = (0...100).map { point in
      recall.firstIndex { $0 >= Double(point) * 0.01 }.map { precision[$0] } ?? 0
    }
    return (points, recall.last ?? 0)
  }

  func metrics(_ given: [Result]) throws -> [String: Double] {
    let objects = survivingObjects()
    let results = try filledIn(capped(given)).filter { counts($0, objects) }
    let honoursCrowds = isCOCO || dataset.images.allSatisfy { $0.negativeCategoryIDs == nil }
    let ranges = [AreaRange.all] + options.areaRanges
    var precisions: [Key: [Double]] = [:]
    var recalls: [Key: Double] = [:]
    for category in dataset.categories {
      var lists: [Key: [[Matched]]] = [:]
      for image in dataset.images {
        let own = objects.filter { $0.annotation.imageID == image.id && $0.annotation.categoryID == category.id }
        var detections = sorted(
          results.filter { $0.detection.imageID == image.id && $0.detection.categoryID == category.id })
        if isCOCO { detections = Array(detections.prefix(100)) }
        let overlaps = try detections.map { detection in
          try own.map { try overlap(detection, $0, isCrowd: honoursCrowds && $0.annotation.isCrowd) }
        }
        for (r, range) in ranges.enumerated() {
          for (t, threshold) in options.iouThresholds.enumerated() {
            lists[Key(category.id, r, t), default: []].append(
              match(
                detections, own, overlaps, threshold: threshold, range: range.bounds,
                notExhaustive: !isCOCO && image.notExhaustiveCategoryIDs?.contains(category.id) ?? false,
                honoursCrowds: honoursCrowds))
          }
        }
      }
      for (r, range) in ranges.enumerated() {
        let count = objects.count { object in
          let flagged =
            isCOCO
            ? object.annotation.isCrowd : object.annotation.isIgnored || honoursCrowds && object.annotation.isCrowd
          return object.annotation.categoryID == category.id && !flagged
            && range.bounds.contains(object.annotation.area)
            && dataset.images.contains { $0.id == object.annotation.imageID }
        }
        for t in options.iouThresholds.indices {
          for limit in isCOCO ? [1, 10, 100] : [.max] {
            let list = (lists[Key(category.id, r, t)] ?? []).map { $0.filter { $0.rank < limit } }
            guard let scores = accumulate(list, objects: count) else { continue }
            precisions[Key(category.id, r, t, limit)] = scores.precision
            recalls[Key(category.id, r, t, limit)] = scores.recall
          }
        }
      }
    }
    return named(precisions, recalls, ranges)
  }

  private struct Key: Hashable {
    var category, range, threshold, limit: Int
    init(_ category: Int, _ range: Int, _ threshold: Int, _ limit: Int = 0) {
      (self.category, self.range, self.threshold, self.limit) = (category, range, threshold, limit)
    }
  }

  private func named(
    _ precisions: [Key: [Double]], _ recalls: [Key: Double], _ ranges: [AreaRange]
  ) -> [String: Double] {
    func mean(_ values: [Double]) -> Double { values.isEmpty ? -1 : values.reduce(0, +) / Double(values.count) }
    func precision(_ isIncluded: (Key) -> Bool) -> Double {
      mean(precisions.filter { isIncluded($0.key) && $0.key.limit >= 100 }.flatMap(\.value))
    }
    func recall(range: Int, limit: Int) -> Double {
      mean(recalls.filter { $0.key.range == range && $0.key.limit == limit }.map(\.value))
    }
    func atThreshold(_ value: Double) -> Double {
      precision { $0.range == 0 && options.iouThresholds[$0.threshold] == value }
    }
    let limit = isCOCO ? 100 : Int.max
    let cap = isCOCO ? "100" : options.maxDetectionsPerCategory == nil ? "\(options.maxDetectionsPerImage ?? -1)" : "-1"
    var metrics = ["AP": precision { $0.range == 0 }, "AP50": atThreshold(0.5), "AP75": atThreshold(0.75)]
    metrics["AR@\(cap)"] = recall(range: 0, limit: limit)
    for (range, letter) in zip(1..., ["s", "m", "l"]) where range < ranges.count {
      metrics["AP\(letter)"] = precision { $0.range == range }
      metrics["AR\(letter)@\(cap)"] = recall(range: range, limit: limit)
    }
    if isCOCO {
      metrics["AR@1"] = recall(range: 0, limit: 1)
      metrics["AR@10"] = recall(range: 0, limit: 10)
    } else {
      for frequency in LVISFrequency.allCases {
        let classes = Set(dataset.categories.filter { $0.frequency == frequency }.map(\.id))
        metrics["AP\(frequency.rawValue)"] = precision { $0.range == 0 && classes.contains($0.category) }
      }
    }
    return metrics
  }
}
