import Communication
import LVISDatasets

/// Scores detections as LVIS does, to the last bit that matters.
///
/// ```swift
/// let validation = try LVISDataset(contentsOf: "lvis_v1_val.json")
/// let result = try LVISEvaluator(groundTruth: validation).evaluate(detections)
/// print(result["AP"], result["APr"])
/// ```
///
/// The rules are those of lvis-api (Gupta et al., CVPR 2019); under `.coco` those of pycocotools. An evaluator holds
/// only the ground truth and may be shared between threads.
public struct LVISEvaluator: Sendable {
  /// The overlap, the rules, the caps and the thresholds.
  public let options: EvaluationOptions
  /// The processes that divide the images among them, this one among others; one by itself by default. All of them score
  /// the same detections, and the first one comes to their metrics.
  package var ranks: any Communicator = OneProcess()
  let truth: GroundTruthIndex
  let rules: MatchingRules

  /// Prepares ground truth for scoring.
  ///
  /// - Throws: `EvaluationError` for options that contradict themselves.
  public init(groundTruth: LVISDataset, options: EvaluationOptions = EvaluationOptions()) throws {
    try options.validate()
    self.options = options
    truth = try GroundTruthIndex(groundTruth, options: options)
    rules = MatchingRules(options)
  }

  /// The same ground truth, matched at other thresholds and ranges of area.
  func matching(at iouThresholds: [Double], areaRanges: [AreaRange]) -> LVISEvaluator {
    var changed = options
    (changed.iouThresholds, changed.areaRanges) = (iouThresholds, areaRanges)
    return LVISEvaluator(changed, truth)
  }

  private init(_ options: EvaluationOptions, _ truth: GroundTruthIndex) {
    (self.options, self.truth, rules) = (options, truth, MatchingRules(options))
  }

  /// Scores detections given in memory.
  ///
  /// - Parameter detections: In any order; where scores are equal, the order decides as it does in lvis-api.
  /// - Returns: The metrics, overall and per class.
  /// - Throws: `EvaluationError` for a detection in an unknown image, or one that is not finite.
  public func evaluate(_ detections: some Sequence<Detection>) throws -> EvaluationResult {
    try evaluate(DetectionColumns(detections))
  }

  /// Scores detections given in memory as columns, with masks if those are to be compared.
  ///
  /// - Parameter columns: In any order; where scores are equal, the order decides as it does in lvis-api.
  /// - Returns: The metrics, overall and per class.
  /// - Throws: `EvaluationError` for a detection in an unknown image, one that is not finite or lacks a box or mask, and
  ///   for a malformed mask.
  public func evaluate(_ columns: DetectionColumns) throws -> EvaluationResult {
    evaluate(try prepare(columns))
  }

  /// Scores a results file, which is read in windows and need not fit into memory.
  ///
  /// - Parameter path: A JSON list of detections, as LVIS and COCO submit them.
  /// - Returns: The metrics, overall and per class.
  /// - Throws: `DatasetError` that names file, element and field for what is malformed or does not belong to the ground
  ///   truth; `FileError` where the file cannot be read.
  public func evaluate(resultsAt path: String) throws -> EvaluationResult {
    evaluate(try prepare(resultsAt: path))
  }

  /// Scores one class of detections given in memory, without the work for the others.
  ///
  /// - Parameters:
  ///   - id: The category's id.
  ///   - columns: All detections: those of other categories take places under the cap.
  /// - Returns: The class's metrics; `nil` for a category that the ground truth does not know.
  /// - Throws: As ``evaluate(_:)-(DetectionColumns)``.
  public func evaluate(category id: Int, in columns: DetectionColumns) throws -> ClassResult? {
    let category = truth.categoryIDs.place(of: id)
    guard category >= 0 else { return nil }
    let store = store(of: try prepare(columns), onlyCategory: category)
    return classResult(
      Int(category), store.classes[Int(category)], objectCounts: objectCounts { _ in true }[Int(category)])
  }

  /// Scores detections that were prepared.
  public func evaluate(_ prepared: PreparedDetections) -> EvaluationResult {
    evaluate(prepared, store(of: prepared))
  }

  func evaluate(_ prepared: PreparedDetections, _ store: VerdictStore) -> EvaluationResult {
    result(
      store, objectCounts: objectCounts { _ in true }, detectionCount: prepared.table.count,
      cappedCount: prepared.groups.count, findings: findings(of: prepared))
  }

  /// The findings about the ground truth, as far as the options ask for them.
  public var warnings: [DataFinding] { truth.warnings }

  /// The findings about detections, compared with the ground truth: categories that it does not list, boxes that leave
  /// their image, masks of another size.
  public func findings(of prepared: PreparedDetections) -> [DataFinding] {
    prepared.census.findings(known: truth.categoryIDs.ids, path: prepared.path)
  }

  func emptyStore() -> VerdictStore {
    VerdictStore(categoryCount: truth.categories.count, rangeCount: rules.ranges.count)
  }

  /// Matches all images, some at a time on each core.
  func store(
    of prepared: PreparedDetections, onlyCategory: Int32? = nil, keepsOverlaps: Bool = false
  ) -> VerdictStore {
    var store = emptyStore()
    var chunks = chunks(0..<chunkCount, of: prepared, onlyCategory: onlyCategory, keepsOverlaps: keepsOverlaps)
    store.reserve(for: chunks)
    for index in chunks.indices {
      store.add(chunks[index])
      // What was taken over is not held twice.
      chunks[index] = VerdictChunk()
    }
    return store
  }

  /// Matches all images, each process its part of them; only the first one comes to the verdicts on all.
  ///
  /// - Throws: `CommunicationError`.
  func storeOfAllProcesses(of prepared: PreparedDetections) throws -> VerdictStore {
    guard ranks.count > 1 else { return store(of: prepared) }
    let own = chunkCount * ranks.rank / ranks.count..<chunkCount * (ranks.rank + 1) / ranks.count
    var store = emptyStore()
    try ranks.collect(VerdictChunk.message(chunks(own, of: prepared))) {
      for chunk in VerdictChunk.chunks(in: $0) { store.add(chunk) }
    }
    return store
  }

  private static let imagesAtATime = 256
  private var chunkCount: Int { (truth.images.count + Self.imagesAtATime - 1) / Self.imagesAtATime }

  private func chunks(
    _ range: Range<Int>, of prepared: PreparedDetections, onlyCategory: Int32? = nil, keepsOverlaps: Bool = false
  ) -> [VerdictChunk] {
    concurrentMap(range.count) { place in
      let first = (range.lowerBound + place) * Self.imagesAtATime
      return verdicts(
        onImages: first..<min(first + Self.imagesAtATime, truth.images.count), of: prepared,
        onlyCategory: onlyCategory, keepsOverlaps: keepsOverlaps)
    }
  }

  func verdicts(
    onImages images: Range<Int>, of prepared: PreparedDetections, onlyCategory: Int32? = nil,
    keepsOverlaps: Bool = false
  ) -> VerdictChunk {
    switch options.iouType {
    case .bbox:
      return verdicts(
        onImages: images, of: prepared, onlyCategory, keepsOverlaps, BoxOverlap(prepared.table, truth))
    case .segm, .boundary:
      let overlap = MaskOverlap(
        prepared.table, truth, usesBoundaries: options.iouType == .boundary, lowestThreshold: rules.lowestStart)
      return verdicts(onImages: images, of: prepared, onlyCategory, keepsOverlaps, overlap)
    }
  }

  private func verdicts(
    onImages images: Range<Int>, of prepared: PreparedDetections, _ onlyCategory: Int32?, _ keepsOverlaps: Bool,
    _ overlap: some Overlap
  ) -> VerdictChunk {
    var chunk = VerdictChunk()
    chunk.verdicts.reserveCapacity(prepared.groups.count(in: images))
    chunk.categories.reserveCapacity(prepared.groups.count(in: images))
    var matcher = ImageMatcher(truth: truth, table: prepared.table, overlap: overlap, rules: rules)
    matcher.onlyCategory = onlyCategory
    matcher.keepsOverlaps = keepsOverlaps
    for image in images {
      matcher.match(
        image: image, detections: prepared.groups.order[prepared.groups.range(of: image)], into: &chunk)
    }
    return chunk
  }

  /// How many objects count, by class and area range.
  ///
  /// - Parameter isIncluded: Whether an image's objects count.
  func objectCounts(_ isIncluded: (Int) -> Bool) -> [[Int]] {
    var counts = [[Int]](
      repeating: [Int](repeating: 0, count: rules.ranges.count), count: truth.categories.count)
    for image in 0..<truth.images.count where isIncluded(image) {
      for pair in truth.pairs(of: image) {
        let category = Int(truth.pairs[pair].category)
        for object in truth.objectRange(ofPair: pair) {
          for (index, range) in rules.ranges.enumerated() where !truth.objects[object].isIgnored(in: range) {
            counts[category][index] += 1
          }
        }
      }
    }
    return counts
  }

  var accumulation: Accumulation {
    Accumulation(
      thresholdCount: rules.starts.count, rangeCount: rules.ranges.count,
      limits: options.rules == .coco ? [1, 10] : [], keepsCurves: options.keepsCurves)
  }

  func classResult(_ category: Int, _ verdicts: ClassVerdicts, objectCounts: [Int]) -> ClassResult {
    let scores = accumulation.scores(RankedVerdicts(verdicts), objectCounts: objectCounts)
    return ClassResult(
      truth.categories[category], options.frequency(of: truth.categories[category]), scores,
      MetricTable(options).perClass)
  }

  func result(
    _ store: VerdictStore, objectCounts: [[Int]], detectionCount: Int, cappedCount: Int,
    findings: [DataFinding]
  ) -> EvaluationResult {
    let accumulation = accumulation
    let scores = concurrentMap(truth.categories.count) { category in
      accumulation.scores(RankedVerdicts(store.classes[category]), objectCounts: objectCounts[category])
    }
    return result(
      store, scores: scores, detectionCount: detectionCount, cappedCount: cappedCount, findings: findings)
  }

  func result(
    _ store: VerdictStore, scores: [ClassScores], detectionCount: Int, cappedCount: Int, findings: [DataFinding]
  ) -> EvaluationResult {
    var warnings = truth.warnings + findings
    if store.takenIDZeroObjects > 0 { warnings.append(.idZeroTaken(objects: store.takenIDZeroObjects)) }
    return EvaluationResult(
      scores, categories: truth.categories, options: options, warnings: warnings,
      counts: EvaluationResult.Counts(
        detections: detectionCount, detectionsAfterCap: cappedCount, detectionsThatCount: store.detectionCount,
        objects: truth.objects.count))
  }
}
