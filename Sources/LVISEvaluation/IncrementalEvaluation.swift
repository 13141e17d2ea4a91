import LVISDatasets
import Synchronization

/// An evaluation that takes images as they come, from any number of threads.
///
/// An image's detections are matched when they are added, on the thread that adds them; what is kept is a few bytes a
/// detection that counts. Results can be asked for at any time: of everything, or of one class for the price of that
/// class.
///
/// ```swift
/// let evaluation = try IncrementalEvaluation(evaluator)
/// for (id, detections) in detector { try evaluation.add(detections, toImage: id) }
/// print(evaluation.result()["AP"])
/// ```
public final class IncrementalEvaluation: Sendable {
  /// Which images a result is about.
  public enum Images: Sendable {
    /// Those added so far: objects in others are not missed.
    case added
    /// All of the ground truth: the result is then that of an evaluation in one go.
    case all
  }

  private struct State {
    var store: VerdictStore
    var isAdded: [Bool]
    var census = DetectionCensus()
    var detectionCount = 0
    var cappedCount = 0
  }

  private let evaluator: LVISEvaluator
  private let state: Mutex<State>

  /// Starts without any image.
  ///
  /// - Throws: `EvaluationError` for fixed AP, whose cap needs all detections at once.
  public init(_ evaluator: LVISEvaluator) throws {
    guard evaluator.options.maxDetectionsPerCategory == nil else {
      throw EvaluationError("fixed AP caps detections over all images: it cannot be evaluated image by image")
    }
    self.evaluator = evaluator
    state = Mutex(
      State(
        store: evaluator.emptyStore(), isAdded: [Bool](repeating: false, count: evaluator.truth.images.count)))
  }

  /// Adds all detections of one image, in place of their own image ids.
  ///
  /// - Throws: `EvaluationError` for an image that the ground truth does not know or that was added before, and for a
  ///   detection that is not finite. Nothing is added then.
  public func add(_ detections: some Sequence<Detection>, toImage id: Int) throws {
    try add(DetectionColumns(detections), toImage: id)
  }

  /// Adds all detections of one image, in place of their own image ids, with masks if those are to be compared.
  ///
  /// - Throws: `EvaluationError` for an image that the ground truth does not know or that was added before, and for a
  ///   detection that is not finite, lacks a box or mask, or has a malformed one. Nothing is added then.
  public func add(_ detections: DetectionColumns, toImage id: Int) throws {
    let image = Int(evaluator.truth.images.place(of: id))
    guard image >= 0 else { throw EvaluationError("image \(id) is not among the images of the ground truth") }
    var columns = detections
    columns.imageIDs = [Int](repeating: id, count: columns.count)
    let prepared = try evaluator.prepare(columns)
    let chunk = evaluator.verdicts(onImages: image..<(image + 1), of: prepared)
    try state.withLock { state in
      guard !state.isAdded[image] else {
        throw EvaluationError("image \(id) was added before; add each image once, whole")
      }
      state.isAdded[image] = true
      state.store.add(chunk)
      state.census.merge(prepared.census)
      state.detectionCount += prepared.table.count
      state.cappedCount += prepared.groups.count
    }
  }

  /// The number of images added so far.
  public var imageCount: Int { state.withLock { $0.isAdded.count { $0 } } }

  /// All metrics.
  public func result(over images: Images = .added) -> EvaluationResult {
    let state = state.withLock { $0 }
    return evaluator.result(
      state.store, objectCounts: evaluator.objectCounts { images == .all || state.isAdded[$0] },
      detectionCount: state.detectionCount, cappedCount: state.cappedCount,
      findings: state.census.findings(known: evaluator.truth.categoryIDs.ids, path: nil))
  }

  /// Everything added so far in the short form that comparisons need; objects in images that were not added are missed.
  public func scored() -> ScoredDetections {
    let store = state.withLock { $0.store }
    return ScoredDetections(path: nil, result: result(over: .all), lists: evaluator.weightedLists(of: store))
  }

  /// The metrics of one class; `nil` for a category that the ground truth does not know.
  ///
  /// - Complexity: O(n log n) in that class's detections, beside one pass over the objects.
  public func result(ofCategory id: Int, over images: Images = .added) -> ClassResult? {
    let category = Int(evaluator.truth.categoryIDs.place(of: id))
    guard category >= 0 else { return nil }
    let (verdicts, isAdded) = state.withLock { ($0.store.classes[category], $0.isAdded) }
    return evaluator.classResult(
      category, verdicts, objectCounts: evaluator.objectCounts { images == .all || isAdded[$0] }[category])
  }
}
