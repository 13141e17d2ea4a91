import CSimdJSON

/// Gathers what the windows of an annotation file hold, then checks it as a whole.
struct LVISDatasetBuilder {
  private let file: JSONFile
  private let contents: LVISDataset.Contents
  private var images: [LVISImage] = []
  /// Parallel to `images`: what names the picture.
  private var imageIdentities: [UInt64] = []
  private var categories: [LVISCategory] = []
  private var annotations: [LVISAnnotation] = []
  private var segmentations: SegmentationColumns?
  private var withoutSize = Tally()
  private var withoutName = 0
  private var withoutID = 0
  private var withoutArea = 0
  private var withoutBox = Tally()
  private var wideIDs = Tally()
  private var unknownFrequencies: [(id: Int, text: String)] = []

  /// How many, and where the first stands.
  private struct Tally {
    var count = 0
    var example: String?

    mutating func add(_ place: @autoclosure () -> String) {
      count += 1
      if example == nil { example = place() }
    }
  }

  init(file: JSONFile, contents: LVISDataset.Contents) {
    self.file = file
    self.contents = contents
    segmentations = contents.contains(.segmentations) ? SegmentationColumns() : nil
  }

  mutating func addImages(_ rows: RecordReader.Rows) {
    for row in UnsafeBufferPointer(start: rows.images, count: rows.count) {
      func has(_ flag: Int) -> Bool { Int(row.flags) & flag != 0 }
      func list(_ range: CSimdJSONRange, if flag: Int) -> [Int]? {
        guard has(flag) else { return nil }
        return UnsafeBufferPointer(start: rows.integers, count: rows.integer_count)[range.indices].map(Int.init)
      }
      if !has(CSIMDJSON_HAS_SIZE) {
        withoutSize.add("images[\(images.count)].\(row.width == 0 ? "width" : "height")")
      }
      if has(CSIMDJSON_HAS_WIDE_ID) { wideIDs.add("images[\(images.count)].id: \(UInt64(bitPattern: row.id))") }
      images.append(
        LVISImage(
          id: Int(row.id), width: Int(row.width), height: Int(row.height),
          negativeCategoryIDs: list(row.negative, if: CSIMDJSON_HAS_NEGATIVE),
          notExhaustiveCategoryIDs: list(row.not_exhaustive, if: CSIMDJSON_HAS_NOT_EXHAUSTIVE)))
      imageIdentities.append(row.identity)
    }
  }

  mutating func addCategories(_ rows: RecordReader.Rows) {
    let bytes = UnsafeBufferPointer(start: rows.bytes, count: rows.byte_count)
    func text(_ range: CSimdJSONRange) -> String { String(decoding: bytes[range.indices], as: UTF8.self) }
    for row in UnsafeBufferPointer(start: rows.categories, count: rows.count) {
      func has(_ flag: Int) -> Bool { Int(row.flags) & flag != 0 }
      let id = Int(row.id)
      var frequency: LVISFrequency?
      if has(CSIMDJSON_HAS_FREQUENCY) {
        frequency = LVISFrequency(rawValue: text(row.frequency))
        if frequency == nil { unknownFrequencies.append((id, text(row.frequency))) }
      }
      if !has(CSIMDJSON_HAS_NAME) { withoutName += 1 }
      if has(CSIMDJSON_HAS_WIDE_ID) { wideIDs.add("categories[\(categories.count)].id: \(UInt64(bitPattern: row.id))") }
      categories.append(
        LVISCategory(
          id: id, name: has(CSIMDJSON_HAS_NAME) ? text(row.name) : "\(id)", frequency: frequency,
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
      if !has(CSIMDJSON_HAS_BOX) { withoutBox.add("annotations[\(first + index)].bbox") }
      annotations.append(
        LVISAnnotation(
          id: has(CSIMDJSON_HAS_ID) ? Int(row.id) : first + index + 1, imageID: Int(row.image_id),
          categoryID: Int(row.category_id), box: box, area: has(CSIMDJSON_HAS_AREA) ? row.area : nil,
          isCrowd: has(CSIMDJSON_IS_CROWD), isIgnored: has(CSIMDJSON_IS_IGNORED)))
    }
    segmentations?.append(rows)
  }

  /// - Parameter isStrict: Whether annotations of images that are not there are refused rather than left out.
  /// - Throws: `DatasetError` where entries of one id differ, or annotations refer to images that are not there and
  ///   `isStrict` says so, or none is left.
  mutating func finish(isStrict: Bool) throws -> LVISDataset {
    var found: [DataFinding] = []
    try takeRepeatedEntriesOnce(&found)
    var dataset = LVISDataset(images: images, categories: categories, annotations: [], path: file.path)
    try leaveOutAnnotationsOfUnknownImages(dataset.imageIndex(), isStrict: isStrict, &found)
    dataset.annotations = annotations
    dataset.segmentations = segmentations
    found = fieldFindings() + found
    let known = dataset.categoryIndex()
    var unlisted = 0
    var unlistedCategories: Set<Int> = []
    for annotation in annotations where known.position(of: annotation.categoryID) == nil {
      unlisted += 1
      unlistedCategories.insert(annotation.categoryID)
    }
    if unlisted > 0 {
      found.append(
        .annotationsOfUnknownCategories(
          count: unlisted, categoryIDs: unlistedCategories.sorted(), known: dataset.categories.map(\.id)))
    }
    let duplicates = dataset.duplicateAnnotationIDs
    if !duplicates.isEmpty { found.append(.duplicateAnnotationIDs(duplicates)) }
    dataset.warnings = found.map { $0.inFile(file.path) }
    return dataset
  }

  /// What the records' fields lack.
  private func fieldFindings() -> [DataFinding] {
    func finding(_ count: Int, _ finding: (Int) -> DataFinding) -> DataFinding? { count > 0 ? finding(count) : nil }
    let unknown = unknownFrequencies.sorted { $0.id < $1.id }
    return [
      finding(withoutSize.count) { .imagesWithoutSize(count: $0, example: withoutSize.example) },
      finding(images.count { $0.negativeCategoryIDs == nil }) { .imagesWithoutNegativeCategories(count: $0) },
      finding(images.count { $0.notExhaustiveCategoryIDs == nil }) { .imagesWithoutNotExhaustiveCategories(count: $0) },
      finding(withoutName) { .categoriesWithoutName(count: $0) },
      finding(categories.count { $0.frequency == nil } - Set(unknown.map(\.id)).count) {
        .categoriesWithoutFrequency(count: $0)
      },
      unknown.first.map { first in
        .unknownFrequencies(categoryIDs: unknown.map(\.id), example: "category \(first.id): “\(first.text)”")
      },
      finding(withoutID) { .annotationsWithoutID(count: $0) },
      finding(withoutArea) { .annotationsWithoutArea(count: $0) },
      finding(withoutBox.count) {
        .annotationsWithoutBox(
          count: $0, example: withoutBox.example, isNeeded: !contents.contains(.segmentations))
      },
      finding(wideIDs.count) { .wideIDs(count: $0, example: wideIDs.example ?? "") },
    ].compactMap(\.self)
  }

  private mutating func takeRepeatedEntriesOnce(_ found: inout [DataFinding]) throws {
    let repeatedImages = try repeated(images.map(\.id), list: "images") { [images, imageIdentities] in
      images[$0] == images[$1] && imageIdentities[$0] == imageIdentities[$1]
    }
    if let first = repeatedImages.min() {
      found.append(
        .repeatedEntries(
          "images", count: repeatedImages.count, example: "images[\(first)].id: \(images[first].id)"))
      images = images.indices.lazy.filter { !repeatedImages.contains($0) }.map { [images] in images[$0] }
    }
    let repeatedCategories = try repeated(categories.map(\.id), list: "categories") { [categories] in
      categories[$0] == categories[$1]
    }
    if let first = repeatedCategories.min() {
      found.append(
        .repeatedEntries(
          "categories", count: repeatedCategories.count, example: "categories[\(first)].id: \(categories[first].id)"))
      categories = categories.indices.lazy.filter { !repeatedCategories.contains($0) }.map { [categories] in
        categories[$0]
      }
    }
  }

  /// The places of entries whose id stands before them.
  ///
  /// - Throws: `DatasetError` where two of one id differ.
  private func repeated(_ ids: [Int], list: String, _ areSame: (Int, Int) -> Bool) throws -> Set<Int> {
    guard !duplicated(ids).isEmpty else { return [] }
    var firstPlaces: [Int: Int] = [:]
    var places: Set<Int> = []
    for (place, id) in ids.enumerated() {
      guard let first = firstPlaces[id] else {
        firstPlaces[id] = place
        continue
      }
      guard areSame(first, place) else {
        throw DatasetError(
          path: file.path, code: .inconsistent, place: "\(list)[\(place)].id",
          problem: "is \(id), as is \(list)[\(first)].id, but the two entries differ",
          advice: "ids must differ: give one of them another, and its annotations too")
      }
      places.insert(place)
    }
    return places
  }

  private mutating func leaveOutAnnotationsOfUnknownImages(
    _ index: IDIndex, isStrict: Bool, _ found: inout [DataFinding]
  ) throws {
    guard let first = annotations.firstIndex(where: { index.position(of: $0.imageID) == nil }) else { return }
    let count = annotations[first...].count { index.position(of: $0.imageID) == nil }
    guard !isStrict, count < annotations.count else {
      throw DatasetError(
        path: file.path, code: .inconsistent, place: "annotations[\(first)].image_id",
        problem: "is \(annotations[first].imageID), which is not among the images; so it is for "
          + share(count, of: annotations.count, "annotation"),
        advice: "add the images or remove the annotations")
    }
    found.append(
      .annotationsOfUnknownImages(
        count: count, of: annotations.count, example: "annotations[\(first)].image_id: \(annotations[first].imageID)"))
    let kept = annotations.indices.filter { index.position(of: annotations[$0].imageID) != nil }
    segmentations = segmentations?.selecting(kept)
    annotations = kept.map { annotations[$0] }
  }
}

/// The ids that stand more than once, ascending.
func duplicated(_ ids: [Int]) -> [Int] {
  if zip(ids, ids.dropFirst()).allSatisfy(<) { return [] }
  let sorted = ids.sorted()
  var duplicates: [Int] = []
  for (id, next) in zip(sorted, sorted.dropFirst()) where id == next && duplicates.last != id { duplicates.append(id) }
  return duplicates
}
