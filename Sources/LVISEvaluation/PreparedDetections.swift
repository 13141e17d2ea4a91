import LVISDatasets

/// Detections, checked against the ground truth, filled in and capped: ready to be scored and analysed, any number of
/// times.
public struct PreparedDetections: Sendable {
  /// The work that detections are prepared for. Where masks are compared, it decides which of them are kept.
  public enum Purpose: Sendable {
    /// To be scored: the masks in images that hold objects of their class.
    case scoring
    /// To be analysed as well: also those that overlap with objects of other classes.
    case analysis
  }

  let table: DetectionTable
  let groups: DetectionsByImage
  let purpose: Purpose
  let census: DetectionCensus
  /// The results file that they were read from; `nil` where they came from memory.
  public let path: String?

  /// The number of detections given, whatever the caps cut off.
  public var count: Int { table.count }
}

extension LVISEvaluator {
  /// Checks detections given in memory as columns, with masks if those are to be compared.
  ///
  /// - Parameters:
  ///   - columns: In any order; where scores are equal, the order decides as it does in lvis-api.
  ///   - purpose: What is to be done with them.
  /// - Throws: `EvaluationError` for a detection in an unknown image, one that is not finite or lacks a box or mask, and
  ///   for a malformed mask.
  public func prepare(
    _ columns: DetectionColumns, for purpose: PreparedDetections.Purpose = .scoring
  ) throws -> PreparedDetections {
    try prepare(.columns(columns), for: purpose)
  }

  /// Checks a results file, which is read in windows and need not fit into memory.
  ///
  /// - Parameters:
  ///   - path: A JSON list of detections, as LVIS and COCO submit them, or columns of tensors; see `DetectionColumns`.
  ///   - purpose: What is to be done with them.
  /// - Throws: `DatasetError` that names file, element and field for what is malformed or does not belong to the ground
  ///   truth; `FileError` where the file cannot be read.
  public func prepare(
    resultsAt path: String, for purpose: PreparedDetections.Purpose = .scoring
  ) throws -> PreparedDetections {
    try prepare(.file(OpenResults(at: path)), for: purpose)
  }

  /// Fills a table and groups it.
  private func prepare(
    _ source: DetectionSource, for purpose: PreparedDetections.Purpose
  ) throws -> PreparedDetections {
    var isByBox = try source.firstHasBox() ?? true
    while true {
      let filling = Filling(isByBox: isByBox, iouType: options.iouType)
      var builder = DetectionTableBuilder(truth, filling: filling, purpose: purpose)
      try source.forEachChunk(withMasks: filling.needsMasks) { chunk, first, expectedCount in
        if first == 0 { builder.reserveCapacity(expectedCount) }
        try builder.append(chunk, first: first)
      }
      try source.namingFile { try builder.finish() }
      let groups = DetectionsByImage(
        builder.table, imageCount: truth.images.count, categoryCount: truth.categories.count,
        perImage: options.rules == .coco ? nil : options.maxDetectionsPerImage,
        perCategory: options.maxDetectionsPerCategory)
      // The first detection after the cap decides; only a file that mixes both kinds makes that another than the first.
      let decided = groups.first.map { builder.hasBox[$0] } ?? isByBox
      if decided == isByBox {
        return PreparedDetections(
          table: builder.table, groups: groups, purpose: purpose, census: builder.census, path: source.path)
      }
      isByBox = decided
    }
  }
}
