import LVISDatasets

/// The source of detections: memory or a results file.
enum DetectionSource {
  case columns(DetectionColumns)
  case file(OpenResults)

  /// The file; `nil` for columns in memory.
  var path: String? {
    if case .file(let results) = self { results.path } else { nil }
  }

  /// Hands the detections on in pieces.
  ///
  /// - Parameter body: Gets a piece, the position of its first detection among all, and about how many there will be.
  func forEachChunk(
    withMasks: Bool,
    _ body: (_ chunk: borrowing DetectionColumns, _ first: Int, _ expectedCount: Int) throws -> Void
  ) throws {
    switch self {
    case .columns(let columns): try body(columns, 0, columns.count)
    case .file(let results):
      try namingFile { try results.forEachChunk(including: withMasks ? .segmentations : [], body) }
    }
  }

  /// Names the file in an evaluation's errors, where there is one.
  func namingFile(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as EvaluationError {
      guard let path else { throw error }
      throw DatasetError(
        path: path, code: .evaluation, place: error.place.map { "results[\($0.element)].\($0.field)" },
        problem: error.problem,
        advice: error.advice)
    }
  }

  /// Whether the first detection has a box; `nil` where there is none.
  func firstHasBox() throws -> Bool? {
    guard case .file(let results) = self else {
      if case .columns(let columns) = self { return columns.presences.first?.contains(.box) }
      return nil
    }
    struct Found: Error { let hasBox: Bool }
    do {
      // No more than the beginning is read for this.
      try namingFile {
        try results.forEachChunk(windowBytes: 1 << 12) { chunk, _, _ in
          if let first = chunk.presences.first { throw Found(hasBox: first.contains(.box)) }
        }
      }
    } catch let found as Found {
      return found.hasBox
    }
    return nil
  }
}
