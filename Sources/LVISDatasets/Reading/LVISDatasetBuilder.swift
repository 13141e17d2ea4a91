import CSimdJSON

/// Gathers what the windows of an annotation file hold, then checks it as a whole.
struct LVISDatasetBuilder {
  private let file: JSONFile
  private var images: [LVISImage] = []
  private var categories: [LVISCategory] = []
  private var annotations: [LVISAnnotation] = []
  private var segmentations: SegmentationColumns?
  private var withoutSize = 0
  private var withoutName = 0
  private var withoutID = 0
  private var withoutArea = 0
  private var unknownFrequencies: [Int] = []

  init(file: JSONFile, contents: LVISDataset.Contents) {
    self.file = file
    segmentations = contents.contains(.segmentations) ? SegmentationColumns() : nil
  }

  mutating func addImages(_ rows: RecordReader.Rows) {
    for row in UnsafeBufferPointer(start: rows.images, count: rows.count) {
      func list(_ range: CSimdJSONRange, if flag: Int) -> [Int]? {
        guard Int(row.flags) & flag != 0 else { return nil }
        return UnsafeBufferPointer(start: rows.integers, count: rows.integer_count)[range.indices].map(Int.init)
      }
      images.append(
        LVISImage(
          id: Int(row.id), width: Int(row.width), height: Int(row.height),
          negativeCategoryIDs: list(row.negative, if: CSIMDJSON_HAS_NEGATIVE),
          notExhaustiveCategoryIDs: list(row.not_exhaustive, if: CSIMDJSON_HAS_NOT_EXHAUSTIVE)))
      if Int(row.flags) & CSIMDJSON_HAS_SIZE == 0 { withoutSize += 1 }
    }
  }

  mutating func addCategories(_ rows: RecordReader.Rows) {
    let bytes = UnsafeBufferPointer(start: rows.bytes, count: rows.byte_count)
    for row in UnsafeBufferPointer(start: rows.categories, count: rows.count) {
      func has(_ flag: Int) -> Bool { Int(row.flags) & flag != 0 }
      let id = Int(row.id)
      var frequency: LVISFrequency?
      if has(CSIMDJSON_HAS_FREQUENCY) {
        frequency = LVISFrequency(rawValue: String(decoding: bytes[row.frequency.indices], as: UTF8.self))
        if frequency == nil { unknownFrequencies.append(id) }
      }
      if !has(CSIMDJSON_HAS_NAME) { withoutName += 1 }
      categories.append(
        LVISCategory(
          id: id, name: has(CSIMDJSON_HAS_NAME) ? String(decoding: bytes[row.name.indices], as: UTF8.self) : "\(id)",
          frequency: frequency,
          statedInstanceCount: has(CSIMDJSON_HAS_INSTANCE_COUNT) ? Int(row.instance_count) : nil,
          statedImageCount: has(CSIMDJSON_HAS_IMAGE_COUNT) ? Int(row.image_count) : nil))
    }
  }

  /// - Parameter first: The place of the first row in the list.
  mutating func addAnnotations(_ rows: RecordReader.Rows, first: Int) {
    if annotations.isEmpty, rows.consumed > 0 {
      // Reserved memory costs nothing until it is written to; growing would copy.
      annotations.reserveCapacity(Int(1.05 * Double(rows.count) * Double(file.size) / Double(rows.consumed)) + 1)
    }
    let objects = UnsafeBufferPointer(start: rows.objects, count: rows.count)
    for (index, row) in objects.enumerated() {
      func has(_ flag: Int) -> Bool { Int(row.flags) & flag != 0 }
      let box = BoundingBox(x: row.box.0, y: row.box.1, width: row.box.2, height: row.box.3)
      if !has(CSIMDJSON_HAS_ID) { withoutID += 1 }
      if !has(CSIMDJSON_HAS_AREA) { withoutArea += 1 }
      annotations.append(
        LVISAnnotation(
          id: has(CSIMDJSON_HAS_ID) ? Int(row.id) : first + index + 1, imageID: Int(row.image_id),
          categoryID: Int(row.category_id), box: box, area: has(CSIMDJSON_HAS_AREA) ? row.area : nil,
          isCrowd: has(CSIMDJSON_IS_CROWD), isIgnored: has(CSIMDJSON_IS_IGNORED)))
    }
    segmentations?.append(rows)
  }

  /// - Throws: `DatasetError` where ids stand twice or annotations refer to images that are not there.
  func finish() throws -> LVISDataset {
    try checkUnique(images.map(\.id), list: "images")
    try checkUnique(categories.map(\.id), list: "categories")
    var dataset = LVISDataset(
      images: images, categories: categories, annotations: annotations, segmentations: segmentations)
    let imageIndex = dataset.imageIndex()
    let categoryIndex = dataset.categoryIndex()
    var unlisted = 0
    var unlistedCategories: Set<Int> = []
    for (position, annotation) in annotations.enumerated() {
      if imageIndex.position(of: annotation.imageID) == nil {
        throw DatasetError(
          path: file.path, place: "annotations[\(position)].image_id",
          problem: "is \(annotation.imageID), which is not among the \(images.count) images",
          advice: "add the image or remove its annotations")
      }
      if categoryIndex.position(of: annotation.categoryID) == nil {
        unlisted += 1
        unlistedCategories.insert(annotation.categoryID)
      }
    }

    func warn(_ count: Int, _ warning: (Int) -> DatasetWarning) {
      if count > 0 { dataset.warnings.append(warning(count)) }
    }
    warn(withoutSize) { .imagesWithoutSize(count: $0) }
    warn(images.count { $0.negativeCategoryIDs == nil }) { .imagesWithoutNegativeCategories(count: $0) }
    warn(images.count { $0.notExhaustiveCategoryIDs == nil }) { .imagesWithoutNotExhaustiveCategories(count: $0) }
    warn(withoutName) { .categoriesWithoutName(count: $0) }
    warn(categories.count { $0.frequency == nil } - unknownFrequencies.count) {
      .categoriesWithoutFrequency(count: $0)
    }
    if !unknownFrequencies.isEmpty {
      dataset.warnings.append(.unknownFrequencies(categoryIDs: unknownFrequencies.sorted()))
    }
    warn(withoutID) { .annotationsWithoutID(count: $0) }
    warn(withoutArea) { .annotationsWithoutArea(count: $0) }
    warn(unlisted) { .annotationsOfUnknownCategories(count: $0, categoryIDs: unlistedCategories.sorted()) }
    let duplicates = duplicated(annotations.map(\.id))
    if !duplicates.isEmpty { dataset.warnings.append(.duplicateAnnotationIDs(duplicates)) }
    return dataset
  }

  private func checkUnique(_ ids: [Int], list: String) throws {
    guard let id = duplicated(ids).first else { return }
    let places = ids.indices.filter { ids[$0] == id }
    throw DatasetError(
      path: file.path, place: "\(list)[\(places[1])].id",
      problem: "is \(id), as is \(list)[\(places[0])].id", advice: "ids must differ")
  }
}

/// The ids that stand more than once, ascending.
private func duplicated(_ ids: [Int]) -> [Int] {
  if zip(ids, ids.dropFirst()).allSatisfy(<) { return [] }
  let sorted = ids.sorted()
  var duplicates: [Int] = []
  for (id, next) in zip(sorted, sorted.dropFirst()) where id == next && duplicates.last != id { duplicates.append(id) }
  return duplicates
}
