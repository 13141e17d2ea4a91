import LVISDatasets

/// Ground truth as matching wants it: the objects that count, by image and category.
struct GroundTruthIndex: Sendable {
  /// Objects of one category in one image.
  struct Pair: Sendable {
    var category: Int32
    /// Its objects are those from here up to the next pair's first.
    var firstObject: Int32
  }

  let images: IDIndex
  let categoryIDs: IDIndex
  /// By ascending id.
  let categories: [LVISCategory]

  /// Sorted by image, then category; within both as lvis-api would iterate.
  let objects: [GroundTruthObject]
  /// Every object's annotation id.
  let annotationIDs: [Int]
  /// By image, then category; one more at the end closes the last.
  let pairs: [Pair]
  /// Image i holds the pairs `pairStarts[i]..<pairStarts[i + 1]`.
  let pairStarts: [Int32]
  let labels: FederatedLabels
  /// Rows and columns of every image.
  let imageSizes: [(height: Int, width: Int)]
  /// The objects' masks; empty where only boxes are compared.
  let masks: MaskTable
  /// What a reader of the metrics should know of the ground truth.
  let warnings: [DataFinding]

  /// The pairs that an image holds.
  @inline(__always)
  func pairs(of image: Int) -> Range<Int> { Int(pairStarts[image])..<Int(pairStarts[image + 1]) }

  /// The objects that a pair holds.
  @inline(__always)
  func objectRange(ofPair pair: Int) -> Range<Int> { Int(pairs[pair].firstObject)..<Int(pairs[pair + 1].firstObject) }

  /// The objects that an image holds, whatever their categories.
  @inline(__always)
  func objectRange(ofImage image: Int) -> Range<Int> {
    Int(pairs[Int(pairStarts[image])].firstObject)..<Int(pairs[Int(pairStarts[image + 1])].firstObject)
  }

  /// Every object's category, by its place.
  var categoryOfObject: [Int32] {
    var categories: [Int32] = []
    categories.reserveCapacity(objects.count)
    for pair in 0..<(pairs.count - 1) {
      categories += repeatElement(pairs[pair].category, count: objectRange(ofPair: pair).count)
    }
    return categories
  }

  /// - Throws: `EvaluationError` for an object without a mask, or with a malformed one, where masks are compared.
  init(_ dataset: LVISDataset, options: EvaluationOptions) throws {
    let rules = options.rules
    var notes: [DataFinding] = []
    images = IDIndex(dataset.images.lazy.map(\.id))
    categoryIDs = IDIndex(dataset.categories.lazy.map(\.id))
    // Of two with the same id, the later one holds, as in an index that is filled in file order.
    var lastImages = [Int32](repeating: 0, count: images.count)
    for (position, image) in dataset.images.enumerated() {
      lastImages[Int(images.place(of: image.id))] = Int32(position)
    }
    var lastCategories = [LVISCategory](dataset.categories.prefix(categoryIDs.count))
    for category in dataset.categories { lastCategories[Int(categoryIDs.place(of: category.id))] = category }
    categories = lastCategories
    labels = FederatedLabels(lastImages.map { dataset.images[Int($0)] }, categories: categoryIDs, rules: rules)
    notes += labels.notes

    let honoursCrowds = rules == .coco || labels.isWithoutNegatives
    let entries = Self.entries(of: dataset, images: images, categories: categoryIDs, rules: rules, notes: &notes)
    var objects: [GroundTruthObject] = []
    var pairs: [Pair] = []
    var pairStarts = [Int32](repeating: 0, count: images.count + 1)
    objects.reserveCapacity(entries.count)
    var lastKey: UInt64?
    for entry in entries {
      if entry.key != lastKey {
        lastKey = entry.key
        pairs.append(Pair(category: Int32(entry.key & 0xFFFF_FFFF), firstObject: Int32(objects.count)))
        pairStarts[Int(entry.key >> 32) + 1] += 1
      }
      let annotation = dataset.annotations[Int(entry.annotation)]
      let isCrowd = honoursCrowds && annotation.isCrowd
      objects.append(
        GroundTruthObject(
          box: annotation.box, area: annotation.area, annotation: entry.annotation,
          isIgnored: rules == .coco ? isCrowd : annotation.isIgnored || isCrowd, isCrowd: isCrowd,
          hasIDZero: annotation.id == 0))
    }
    pairs.append(Pair(category: -1, firstObject: Int32(objects.count)))
    for image in 0..<images.count { pairStarts[image + 1] += pairStarts[image] }
    self.objects = objects
    annotationIDs = objects.map { dataset.annotations[Int($0.annotation)].id }
    self.pairs = pairs
    self.pairStarts = pairStarts
    imageSizes = lastImages.map { (dataset.images[Int($0)].height, dataset.images[Int($0)].width) }
    masks = options.iouType == .bbox ? MaskTable() : try Self.masks(of: objects, dataset, images)
    let crowds = objects.count { $0.isCrowd }
    if rules == .lvis && crowds > 0 { notes.append(.crowdsHonoured(crowds)) }
    warnings =
      dataset.warnings.withoutWhatEvaluationSays(of: rules) + dataset.contentFindings()
      + notes.map { $0.inFile(dataset.path) }
  }

  private static func masks(
    of objects: [GroundTruthObject], _ dataset: LVISDataset, _ images: IDIndex
  ) throws -> MaskTable {
    let sizes = Dictionary(dataset.images.map { ($0.id, (height: $0.height, width: $0.width)) }) { $1 }
    let unsized = dataset.warnings.first { $0.code == .imagesWithoutSize }
    @Sendable func fault(_ code: EvaluationError.Code, _ problem: String, _ annotation: Int32) -> EvaluationError {
      EvaluationError(code, problem, at: .annotations, Int(annotation), "segmentation")
    }
    let parts = min(objects.count, 256)
    let results = concurrentMap(parts) { part -> Result<MaskTable, EvaluationError> in
      var table = MaskTable()
      for object in objects[(part * objects.count / parts)..<((part + 1) * objects.count / parts)] {
        let annotation = Int(object.annotation)
        guard let segmentation = dataset.segmentations?[annotation] else {
          return .failure(fault(.missing, "is missing; masks are to be compared", object.annotation))
        }
        let imageID = dataset.annotations[annotation].imageID
        let size = sizes[imageID] ?? (0, 0)
        if case .polygons = segmentation, size.height == 0 || size.width == 0 {
          let problem = "polygons cannot be turned into masks without the width and height of their image"
          guard let unsized, let place = unsized.example else {
            return .failure(fault(.missing, "image \(imageID) has no size; \(problem)", object.annotation))
          }
          let others = share(unsized.count, of: dataset.images.count, "image")
          return .failure(
            EvaluationError(
              .missing, (dataset.path.map { "\($0): " } ?? "") + "\(place): is missing, as in \(others); \(problem)"))
        }
        do throws(MaskError) {
          table.append(try segmentation.mask(in: size))
        } catch {
          return .failure(fault(.badMask, error.description, object.annotation))
        }
      }
      return .success(table)
    }
    var table = MaskTable()
    for result in results { table.append(try result.get()) }
    return table
  }

  /// An annotation and where it belongs: image in the upper half of the key, category in the lower.
  private struct Entry: Comparable {
    var key: UInt64
    var order: Int32
    var annotation: Int32

    static func < (a: Entry, b: Entry) -> Bool { a.key != b.key ? a.key < b.key : a.order < b.order }
  }

  /// The objects that take part. As in lvis-api's `LVIS.get_ann_ids` and `LVIS._create_index`, an annotation is dropped
  /// by its own category and area, but what is then found under its id is the last annotation with that id, wherever
  /// that lies.
  private static func entries(
    of dataset: LVISDataset, images: IDIndex, categories: IDIndex, rules: EvaluationOptions.Rules,
    notes: inout [DataFinding]
  ) -> [Entry] {
    let annotations = dataset.annotations
    func key(_ annotation: LVISAnnotation) -> UInt64? {
      let image = images.place(of: annotation.imageID)
      let category = categories.place(of: annotation.categoryID)
      guard image >= 0, category >= 0 else { return nil }
      return UInt64(image) << 32 | UInt64(category)
    }
    func counts(_ annotation: LVISAnnotation) -> Bool {
      rules == .coco || (annotation.area > 0 && annotation.area < .infinity)
    }
    let ids = IDIndex(annotations.map(\.id))
    var entries: [Entry] = []
    entries.reserveCapacity(annotations.count)
    guard ids.count < annotations.count else {
      for (position, annotation) in annotations.enumerated() where counts(annotation) {
        guard let key = key(annotation) else { continue }
        entries.append(Entry(key: key, order: Int32(position), annotation: Int32(position)))
      }
      entries.sort()
      return entries
    }
    notes.append(.hiddenAnnotations(annotations.count - ids.count))
    var last = [Int32](repeating: 0, count: ids.count)
    for (position, annotation) in annotations.enumerated() { last[Int(ids.place(of: annotation.id))] = Int32(position) }
    // The reference walks image by image, so the order is by the image of the annotation that is replaced.
    for (position, annotation) in annotations.enumerated() where counts(annotation) {
      guard let own = key(annotation) else { continue }
      entries.append(Entry(key: own >> 32, order: Int32(position), annotation: last[Int(ids.place(of: annotation.id))]))
    }
    entries.sort()
    entries = entries.enumerated().compactMap { order, entry in
      key(annotations[Int(entry.annotation)]).map {
        Entry(key: $0, order: Int32(order), annotation: entry.annotation)
      }
    }
    entries.sort()
    return entries
  }
}

/// One object that detections can match.
struct GroundTruthObject: Sendable {
  var box: BoundingBox
  /// As the file states it.
  var area: Double
  /// Its place among the data set's annotations.
  var annotation: Int32
  /// Not to be found and not to be missed: `ignore`, or a crowd where crowds are honoured.
  var isIgnored: Bool
  /// May be matched any number of times, by detections that lie inside it.
  var isCrowd: Bool
  var hasIDZero: Bool
}

extension IDIndex {
  /// The position of an id as detections hold it; −1 where it is unknown.
  @inline(__always)
  func place(of id: Int) -> Int32 { position(of: id).map { Int32(truncatingIfNeeded: $0) } ?? -1 }
}
