import CBagsEvaluation
import LVISDatasets
import LVISEvaluation

/// What C code may hand over and no evaluation can take.
private struct InterfaceFault: Error, CustomStringConvertible { let description: String }

private func check(_ count: Int64, _ name: String, areThere: Bool) throws {
  guard (0...Int64(Int32.max)).contains(count) else { throw InterfaceFault(description: "\(name) cannot be \(count)") }
  if count > 0, !areThere {
    throw InterfaceFault(description: "\(name) is \(count), but an array of that length is NULL")
  }
}

/// What stands behind an evaluation of the C interface.
final class EvaluationHandle: Sendable {
  let evaluator: LVISEvaluator
  /// The images that are scored, where not all are: detections in others are left out.
  private let chosenImages: Set<Int>?
  let metricNames: [String]

  init(_ truth: bags_ground_truth?, path: String?, _ options: bags_options) throws {
    try check(options.threshold_count, "threshold_count", areThere: options.thresholds != nil)
    try check(options.area_count, "area_count", areThere: options.areas != nil)
    try check(options.image_count, "image_count", areThere: options.image_ids != nil)
    try check(options.category_count, "category_count", areThere: options.category_ids != nil)
    if let truth {
      try check(truth.image_count, "image_count", areThere: truth.image_ids != nil)
      try check(truth.category_count, "category_count", areThere: truth.category_ids != nil)
      try check(
        truth.object_count, "object_count",
        areThere: truth.object_ids != nil && truth.object_image_ids != nil && truth.object_category_ids != nil
          && truth.object_boxes != nil && truth.object_areas != nil)
    }
    var settings = EvaluationOptions(
      iouType: options.iou_type == 0 ? .bbox : options.iou_type == 1 ? .segm : .boundary,
      rules: options.rules == 1 ? .coco : .lvis)
    if options.max_detections != 0 {
      settings.maxDetectionsPerImage = options.max_detections < 0 ? nil : Int(options.max_detections)
    }
    if options.threshold_count > 0 {
      settings.iouThresholds = Array(
        UnsafeBufferPointer(start: options.thresholds, count: Int(options.threshold_count)))
    }
    if options.area_count > 0, let areas = options.areas {
      settings.areaRanges = try (0..<Int(options.area_count)).map { index in
        let names = AreaRange.standard.map(\.name)
        let name = options.area_count == 3 ? names[index] : "\(index + 1)"
        let (lower, upper) = (areas[2 * index], areas[2 * index + 1])
        guard !lower.isNaN, !upper.isNaN else { throw InterfaceFault(description: "area \(index) is not a number") }
        return AreaRange(name, min(lower, upper)...max(lower, upper))
      }
    }
    var dataset: LVISDataset
    if let path {
      dataset = try LVISDataset(
        contentsOf: path, including: settings.iouType == .bbox ? .boxes : .segmentations)
    } else if let truth {
      dataset = LVISDataset(truth)
    } else {
      throw InterfaceFault(description: "there is neither ground truth nor a path")
    }
    let images = options.image_count > 0 ? Set(ids(options.image_ids, options.image_count)) : nil
    chosenImages = images
    if let images { dataset.keepImages(images) }
    if options.category_count > 0 {
      let categories = Set(ids(options.category_ids, options.category_count))
      dataset.categories.removeAll { !categories.contains($0.id) }
    }
    evaluator = try LVISEvaluator(groundTruth: dataset, options: settings)
    metricNames = settings.metricNames
  }

  func score(_ detections: bags_detections?, path: String?, filling arrays: EvaluationArrays) throws -> EvaluationResult
  {
    let prepared = try prepare(detections, path: path)
    let isFilled = arrays.precision != nil || arrays.scores != nil || arrays.recall != nil
    return isFilled ? evaluator.evaluate(prepared, filling: arrays) : evaluator.evaluate(prepared)
  }

  private func prepare(_ detections: bags_detections?, path: String?) throws -> PreparedDetections {
    guard path != nil || detections != nil else {
      throw InterfaceFault(description: "there are neither detections nor a path")
    }
    if let detections {
      try check(
        Int64(detections.count), "count",
        areThere: detections.image_ids != nil && detections.category_ids != nil && detections.scores != nil)
    }
    if let path, chosenImages == nil { return try evaluator.prepare(resultsAt: path) }
    var columns =
      try path.map {
        try DetectionColumns(
          contentsOfResults: $0, including: evaluator.options.iouType == .bbox ? [] : .segmentations)
      } ?? detections.map(DetectionColumns.init) ?? DetectionColumns()
    if let chosenImages { columns.keepImages(chosenImages) }
    return try evaluator.prepare(columns)
  }
}

private func ids(_ start: UnsafePointer<Int64>?, _ count: Int64) -> [Int] {
  UnsafeBufferPointer(start: start, count: start == nil ? 0 : Int(count)).map { Int($0) }
}

extension LVISDataset {
  fileprivate mutating func keepImages(_ chosen: Set<Int>) {
    images.removeAll { !chosen.contains($0.id) }
    let kept = annotations.indices.filter { chosen.contains(annotations[$0].imageID) }
    segmentations = segmentations?.selecting(kept)
    annotations = kept.map { annotations[$0] }
  }

  fileprivate init(_ truth: bags_ground_truth) {
    func lists(_ starts: UnsafePointer<Int64>?, _ values: UnsafePointer<Int64>?, _ image: Int) -> [Int]? {
      guard let starts else { return nil }
      guard let values else { return [] }
      return (Int(starts[image])..<max(Int(starts[image]), Int(starts[image + 1]))).map { Int(values[$0]) }
    }
    func value(_ values: UnsafePointer<Int64>?, _ index: Int) -> Int { values.map { Int($0[index]) } ?? 0 }
    let images = (0..<Int(truth.image_count)).map { image in
      LVISImage(
        id: value(truth.image_ids, image), width: value(truth.image_widths, image),
        height: value(truth.image_heights, image),
        negativeCategoryIDs: lists(truth.negative_starts, truth.negative_ids, image),
        notExhaustiveCategoryIDs: lists(truth.not_exhaustive_starts, truth.not_exhaustive_ids, image))
    }
    let categories = (0..<Int(truth.category_count)).map { category in
      let letter = truth.category_frequencies.map { String(UnicodeScalar(UInt8(bitPattern: $0[category]))) }
      return LVISCategory(
        id: value(truth.category_ids, category), name: "\(value(truth.category_ids, category))",
        frequency: letter.flatMap(LVISFrequency.init))
    }
    let annotations = (0..<Int(truth.object_count)).map { object in
      let flags = truth.object_flags.map { Int32($0[object]) } ?? 0
      let box = BoundingBox(truth.object_boxes, object)
      return LVISAnnotation(
        id: value(truth.object_ids, object), imageID: value(truth.object_image_ids, object),
        categoryID: value(truth.object_category_ids, object), box: box,
        area: truth.object_areas.map { $0[object] }, isCrowd: flags & 1 != 0, isIgnored: flags & 2 != 0)
    }
    self.init(
      images: images, categories: categories, annotations: annotations,
      segmentations: SegmentationColumns(truth.object_masks, count: annotations.count))
  }
}

extension DetectionColumns {
  fileprivate init(_ detections: bags_detections) {
    self.init()
    let count = Int(detections.count)
    imageIDs = ids(detections.image_ids, detections.count)
    categoryIDs = ids(detections.category_ids, detections.count)
    scores = Array(UnsafeBufferPointer(start: detections.scores, count: count))
    boxes = (0..<count).map { BoundingBox(detections.boxes, $0) }
    segmentations = SegmentationColumns(detections.masks, count: count)
    presences = (0..<count).map { index in
      var presence: Presence = detections.boxes == nil ? [] : .box
      if segmentations?[index] != nil { presence.insert(.segmentation) }
      return presence
    }
  }

  fileprivate mutating func keepImages(_ chosen: Set<Int>) {
    let kept = imageIDs.indices.filter { chosen.contains(imageIDs[$0]) }
    guard kept.count < count else { return }
    segmentations = segmentations?.selecting(kept)
    (imageIDs, categoryIDs) = (kept.map { imageIDs[$0] }, kept.map { categoryIDs[$0] })
    (boxes, scores, presences) = (kept.map { boxes[$0] }, kept.map { scores[$0] }, kept.map { presences[$0] })
  }
}

extension BoundingBox {
  fileprivate init(_ boxes: UnsafePointer<Double>?, _ index: Int) {
    guard let box = boxes.map({ $0 + 4 * index }) else {
      self.init(x: 0, y: 0, width: 0, height: 0)
      return
    }
    self.init(x: box[0], y: box[1], width: box[2], height: box[3])
  }
}

extension SegmentationColumns {
  /// - Returns: `nil` where there are none.
  fileprivate init?(_ masks: bags_masks, count: Int) {
    guard masks.starts != nil || masks.polygon_starts != nil else { return nil }
    self.init()
    for index in 0..<count { append(Segmentation(masks, index)) }
  }
}

extension Segmentation {
  /// - Returns: `nil` for a record without a mask.
  fileprivate init?(_ masks: bags_masks, _ index: Int) {
    func range(_ starts: UnsafePointer<Int64>?) -> Range<Int> {
      starts.map { Int($0[index])..<max(Int($0[index]), Int($0[index + 1])) } ?? 0..<0
    }
    let bytes = range(masks.starts)
    if !bytes.isEmpty, let start = masks.bytes, let sizes = masks.sizes {
      self = .compressed(
        height: Int(sizes[2 * index]), width: Int(sizes[2 * index + 1]),
        counts: Array(UnsafeBufferPointer(start: start + bytes.lowerBound, count: bytes.count)))
      return
    }
    let polygons = range(masks.polygon_starts)
    guard !polygons.isEmpty, let ends = masks.polygon_ends, let coordinates = masks.coordinates else { return nil }
    self = .polygons(
      polygons.map { polygon in
        let first = polygon == 0 ? 0 : Int(ends[polygon - 1])
        return Array(
          UnsafeBufferPointer(start: coordinates + first, count: max(0, Int(ends[polygon]) - first)))
      })
  }
}
