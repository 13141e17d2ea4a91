import LVISDatasets

/// Turns findings into counts and into what mending each kind of error would gain.
struct ErrorAccounting {
  private let findings: ImageFindings
  /// The detections in the order in which they are accumulated.
  private let records: [ImageFindings.Record]
  private let objectCounts: [Int]

  init(_ evaluator: LVISEvaluator, _ findings: ImageFindings) {
    self.findings = findings
    records = findings.records.sorted(by: ImageFindings.Record.precedes)
    objectCounts = evaluator.objectCounts { _ in true }.map { $0[0] }
  }

  func breakdown(_ splits: ClassSplits) -> ErrorBreakdown {
    let kinds = ErrorBreakdown.Kind.allCases
    let present = averagePrecisions(mending: nil)
    let mended = concurrentMap(kinds.count) { averagePrecisions(mending: kinds[$0]) }
    var found = [Int](repeating: 0, count: objectCounts.count)
    for record in records where record.kind == nil { found[Int(record.category)] += 1 }
    return ErrorBreakdown(
      rows: splits.splits.enumerated().map { row, split in
        let classes = objectCounts.indices.filter { splits.contains($0, inRow: row) }
        func sum(_ counts: some RandomAccessCollection<Int>) -> Int {
          classes.reduce(0) { $0 + counts[counts.index(counts.startIndex, offsetBy: $1)] }
        }
        let own = mean(present, classes)
        return ErrorBreakdown.Row(
          split: split, averagePrecision: own, objectCount: sum(objectCounts), foundCount: sum(found),
          entries: Dictionary(
            uniqueKeysWithValues: kinds.map { kind in
              // As in TIDE, a loss can only come of the recall points lying where they do.
              let other = mean(mended[kind.place], classes)
              let gain = own.map { max(0, (other ?? $0) - $0) }
              let entry = ErrorBreakdown.Entry(
                count: sum(findings.counts(of: kind)), ignoredCount: sum(findings.ignoredCounts(of: kind)), gain: gain)
              return (kind, entry)
            }))
      })
  }

  private func mean(_ values: [Double?], _ classes: [Int]) -> Double? {
    let measured = classes.compactMap { values[$0] }
    return measured.isEmpty ? nil : measured.reduce(0, +) / Double(measured.count)
  }

  /// AP at IoU .5 of every class, with one kind of error mended; `nil` for classes without objects.
  ///
  /// A mended detection becomes a true positive of the class of the object that it would have found; all others of its
  /// kind go. Missed objects are mended by no longer counting as objects.
  private func averagePrecisions(mending kind: ErrorBreakdown.Kind?) -> [Double?] {
    var hits = [[Bool]](repeating: [], count: objectCounts.count)
    for record in records {
      if record.kind == nil {
        hits[Int(record.category)].append(true)
      } else if record.kind != kind {
        if record.counts { hits[Int(record.category)].append(false) }
      } else if record.mendedCategory >= 0 {
        hits[Int(record.mendedCategory)].append(true)
      }
    }
    let missed = Array(findings.counts(of: .missed))
    return objectCounts.indices.map { category in
      guard objectCounts[category] > 0 else { return nil }
      let objects = objectCounts[category] - (kind == .missed ? missed[category] : 0)
      guard objects > 0 else { return hits[category].isEmpty ? nil : 0 }
      return Accumulation.averagePrecision(ofHits: hits[category], objects: objects)
    }
  }
}
