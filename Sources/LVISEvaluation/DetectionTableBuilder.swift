import LVISDatasets

/// Fills a table from detections as they come.
struct DetectionTableBuilder {
  private let truth: GroundTruthIndex
  let filling: Filling
  private(set) var table = DetectionTable()
  /// Which of the detections have a box: what decides about filling in is the first one *after* the cap.
  private(set) var hasBox: [Bool] = []
  private(set) var census = DetectionCensus()
  private var ofUnknownImages = 0
  private var seen = 0
  private var firstOfUnknownImage: (element: Int, id: Int)?
  private var statuses: ImageStatuses
  /// Where other masks are kept than those that stand against an object of their class: which.
  private let reach: MaskReach?

  init(_ truth: GroundTruthIndex, filling: Filling, purpose: PreparedDetections.Purpose) {
    self.truth = truth
    self.filling = filling
    statuses = ImageStatuses(truth)
    reach = purpose == .analysis && filling.iouType != .bbox ? MaskReach(truth) : nil
  }

  /// Makes room for so many detections.
  mutating func reserveCapacity(_ count: Int) {
    table.reserveCapacity(count, withMasks: filling.needsMasks)
    hasBox.reserveCapacity(count)
  }

  /// Appends detections.
  ///
  /// - Parameter first: The position of the first one among all, for errors.
  /// - Throws: `EvaluationError` for a detection in an image that the ground truth does not know, one that is not
  ///   finite, or lacks what it is to be filled in from, and for a malformed mask.
  mutating func append(_ columns: borrowing DetectionColumns, first: Int) throws {
    let start = table.count
    seen += columns.count
    if firstOfUnknownImage != nil { return countUnknownImages(columns, first: first) }
    // Of its own while it counts: nothing shared is looked after for each detection.
    var census = DetectionCensus()
    let images = places(columns.imageIDs, in: truth.images)
    let categories = places(columns.categoryIDs, in: truth.categoryIDs)
    let known = images.firstIndex { $0 < 0 } ?? images.count
    for index in 0..<known {
      guard columns.scores[index].isFinite else {
        throw EvaluationError(.notFinite, "must be a finite number", at: .detections, first + index, "score")
      }
      let box = columns.boxes[index]
      guard box.isFinite else {
        throw EvaluationError(.notFinite, "must be four finite numbers", at: .detections, first + index, "bbox")
      }
      let presence = columns.presences[index]
      if filling.isByBox && !presence.contains(.box) {
        throw EvaluationError(
          .missing, "is missing, but the first detection has one: all must, or none", at: .detections, first + index,
          "bbox")
      }
      if !filling.isByBox && !presence.contains(.segmentation) {
        throw EvaluationError(
          .missing,
          presence.contains(.box)
            ? "is missing, but the first detection has nothing else" : "is missing, and so is bbox",
          at: .detections, first + index, "segmentation")
      }
      census.add(
        element: first + index, category: columns.categoryIDs[index], isKnown: categories[index] >= 0,
        score: columns.scores[index], box: presence.contains(.box) ? box : nil,
        imageSize: truth.imageSizes[Int(images[index])])
    }
    if known < images.count { return countUnknownImages(columns, first: first) }
    // Columns at once: each append asks whether the array is its own.
    table.images += images
    table.categories += categories
    table.boxes += columns.boxes
    table.scores += columns.scores
    hasBox.append(contentsOf: columns.presences.lazy.map { $0.contains(.box) })
    if let segmentations = columns.segmentations {
      let imageIDs = columns.imageIDs
      census.add(segmentations, first: first) { [truth, table] index in
        let size = truth.imageSizes[Int(table.images[start + index])]
        return (imageIDs[index], size.height, size.width)
      }
    }
    self.census.merge(census)
    if filling.needsMasks { try appendMasks(columns, start: start, first: first) }
  }

  /// From the first detection in an unknown image on, nothing is kept: they are counted for the error.
  private mutating func countUnknownImages(_ columns: borrowing DetectionColumns, first: Int) {
    for (index, id) in columns.imageIDs.enumerated() where truth.images.place(of: id) < 0 {
      ofUnknownImages += 1
      if firstOfUnknownImage == nil { firstOfUnknownImage = (first + index, id) }
    }
  }

  /// Ends the table.
  ///
  /// - Throws: `EvaluationError` where detections lie in images that the ground truth does not know.
  func finish() throws {
    guard let (element, id) = firstOfUnknownImage else { return }
    throw EvaluationError(
      .unknownImage,
      "\(id) is not the id of an image of the ground truth, and so it is for \(share(ofUnknownImages, of: seen, "detection"))",
      at: .detections, element, "image_id",
      advice: ofUnknownImages == seen
        ? "are these the results of another split or data set?"
        : "score them against the annotations of all their images, or leave them out")
  }

  /// Reads the masks: all of them, so that a malformed one is found wherever it is, but only those are kept that stand
  /// against an object of their class or, where there is a reach, may be on another.
  private mutating func appendMasks(_ columns: borrowing DetectionColumns, start: Int, first: Int) throws {
    let count = columns.count
    var wanted: [MaskPart.Want] = []
    if filling.iouType != .bbox {
      for index in start..<(start + count) {
        let hasObjects = statuses.hasObjects(image: table.images[index], category: table.categories[index])
        wanted.append(hasObjects ? .always : reach == nil ? .never : .withinReach)
      }
    }
    if let segmentations = columns.segmentations, reach == nil, filling.iouType != .bbox,
      segmentations.entries.allSatisfy({ $0.area >= 0 })
    {
      return appendCompressed(segmentations, wanted)
    }
    let parts = min(count, 64)
    guard parts > 0 else { return }
    let (segmentations, boxes, images) = (columns.segmentations, columns.boxes, table.images)
    let (truth, filling, reach, hasBoxes, wants) = (truth, filling, reach, hasBox, wanted)
    let results = concurrentMap(parts) { part in
      var result = MaskPart()
      for index in (part * count / parts)..<((part + 1) * count / parts) {
        let image = Int(images[start + index])
        result.append(
          segmentations, index, box: boxes[index], hasBox: hasBoxes[start + index], image: image,
          imageSize: truth.imageSizes[image], filling: filling, want: wants.isEmpty ? .never : wants[index],
          reach: reach)
        if result.fault != nil { break }
      }
      return result
    }
    for result in results {
      if let (index, error) = result.fault {
        throw EvaluationError(.badMask, error.description, at: .detections, first + index, "segmentation")
      }
      let offset = Int32(table.masks.count)
      table.maskOfDetection += result.maskOfDetection.map { $0 < 0 ? -1 : $0 + offset }
      table.masks.append(result.masks)
      table.areas += result.areas
      if !filling.isByBox {
        let position = table.maskOfDetection.count - result.boxes.count
        for (index, box) in result.boxes.enumerated() where !hasBox[position + index] {
          table.boxes[position + index] = box
        }
      }
    }
  }
}

extension DetectionTableBuilder {
  /// Takes compressed masks over as they are. That they are well-formed, and their area, was found out where they were
  /// read; where masks are compared, nothing asks for their boxes.
  private mutating func appendCompressed(_ segmentations: SegmentationColumns, _ wanted: [MaskPart.Want]) {
    segmentations.bytes.withUnsafeBufferPointer { bytes in
      for (entry, want) in zip(segmentations.entries, wanted) {
        if !filling.isByBox { table.areas.append(Double(entry.area)) }
        guard want == .always else {
          table.maskOfDetection.append(-1)
          continue
        }
        table.maskOfDetection.append(Int32(table.masks.count))
        table.masks.append(
          UnsafeBufferPointer(rebasing: bytes[entry.first..<(entry.first + entry.count)]), height: Int(entry.height),
          width: Int(entry.width))
      }
    }
  }
}

/// The masks of some detections.
private struct MaskPart: Sendable {
  /// Whether a mask is kept.
  enum Want { case never, withinReach, always }

  var areas: [Double] = []
  var boxes: [BoundingBox] = []
  var maskOfDetection: [Int32] = []
  var masks = MaskTable()
  static let withoutSize = "cannot be drawn: its image has no width or height in the annotations"
  /// The first fault and where it lies.
  var fault: (index: Int, error: MaskError)?

  mutating func append(
    _ segmentations: SegmentationColumns?, _ index: Int, box: BoundingBox, hasBox: Bool, image: Int,
    imageSize: (height: Int, width: Int), filling: Filling, want: Want, reach: MaskReach?
  ) {
    do throws(MaskError) {
      var mask: RunLengthMask?
      let segmentation = segmentations?[index]
      if imageSize.height == 0 || imageSize.width == 0 {
        if case .polygons = segmentation { throw MaskError(.size, Self.withoutSize) }
        if segmentation == nil, want != .never { throw MaskError(.size, Self.withoutSize) }
      }
      if let segmentation {
        mask = try segmentation.mask(in: imageSize)
      } else if want != .never {
        let corners = RunLengthMask.corners(of: box)
        mask = try RunLengthMask(polygons: [corners], height: imageSize.height, width: imageSize.width)
      }
      if !filling.isByBox {
        guard let mask else {
          fault = (index, MaskError(.polygons, "it has no polygon"))
          return
        }
        areas.append(Double(mask.area))
        boxes.append(mask.boundingBox)
      }
      guard let mask, want == .always || want == .withinReach && reach?.includes(mask, inImage: image) ?? false else {
        maskOfDetection.append(-1)
        return
      }
      maskOfDetection.append(Int32(masks.count))
      masks.append(mask)
    } catch {
      fault = (index, error)
    }
  }
}

/// The places of ids; −1 of those that are unknown.
private func places(_ ids: [Int], in index: IDIndex) -> [Int32] {
  [Int32](unsafeUninitializedCapacity: ids.count) { places, initialized in
    for (element, id) in ids.enumerated() { places[element] = index.place(of: id) }
    initialized = ids.count
  }
}

extension BoundingBox {
  fileprivate var isFinite: Bool { x.isFinite && y.isFinite && width.isFinite && height.isFinite }
}
