import LVISDatasets

/// Where detections come from.
enum DetectionSource {
  case columns(DetectionColumns)
  case file(String)

  /// Hands the detections on in pieces.
  ///
  /// - Parameter body: Gets a piece and the position of its first detection among all.
  func forEachChunk(
    withMasks: Bool, _ body: (_ chunk: borrowing DetectionColumns, _ first: Int) throws -> Void
  ) throws {
    switch self {
    case .columns(let columns): try body(columns, 0)
    case .file(let path):
      do {
        try DetectionColumns.forEachChunk(ofResults: path, including: withMasks ? .segmentations : [], body)
      } catch let error as EvaluationError {
        throw DatasetError(
          path: path, place: error.place.map { "results[\($0.element)].\($0.field)" }, problem: error.problem)
      }
    }
  }

  /// Whether the first detection has a box; `nil` where there is none.
  func firstHasBox() throws -> Bool? {
    struct Found: Error { let hasBox: Bool }
    do {
      try forEachChunk(withMasks: false) { chunk, _ in
        if let first = chunk.presences.first { throw Found(hasBox: first.contains(.box)) }
      }
    } catch let found as Found {
      return found.hasBox
    }
    return nil
  }
}

/// Detections and how they are grouped.
struct PreparedDetections {
  let table: DetectionTable
  let groups: DetectionsByImage
}

extension LVISEvaluator {
  /// Fills a table and groups it.
  func prepare(_ source: DetectionSource) throws -> PreparedDetections {
    var isByBox = try source.firstHasBox() ?? true
    while true {
      let filling = Filling(isByBox: isByBox, iouType: options.iouType)
      var builder = DetectionTableBuilder(truth, filling: filling)
      try source.forEachChunk(withMasks: filling.needsMasks) { try builder.append($0, first: $1) }
      let groups = DetectionsByImage(
        builder.table, imageCount: truth.images.count, categoryCount: truth.categories.count,
        perImage: options.rules == .coco ? nil : options.maxDetectionsPerImage,
        perCategory: options.maxDetectionsPerCategory)
      // The first detection after the cap decides; only a file that mixes both kinds makes that another than the first.
      let decided = groups.first.map { builder.hasBox[$0] } ?? isByBox
      if decided == isByBox { return PreparedDetections(table: builder.table, groups: groups) }
      isByBox = decided
    }
  }
}
