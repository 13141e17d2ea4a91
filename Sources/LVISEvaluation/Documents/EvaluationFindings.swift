import Communication
import LVISDatasets

/// The analyses that an evaluation makes beside its metrics; none by default.
public struct EvaluationAnalyses: Sendable {
  /// Whether to count the detections that each rule takes away.
  public var losses = false
  /// Whether to take errors apart after TIDE.
  public var errors = false
  /// Whether to count what objects are called.
  public var confusion = false
  /// A results file to compare with; `nil` for none.
  public var comparedResults: String?
  /// The number of draws of images for the intervals of the comparison, 1 000 by default; 0 for no intervals.
  public var replicates = 1000
  /// The seed of the draws of images; 0 by default.
  public var seed: UInt64 = 0

  /// Asks for the metrics alone.
  public init() {}
}

/// The metrics of a results file, and the analyses that were asked for.
public struct EvaluationFindings: Sendable {
  /// The metrics, overall and by class.
  public var result: EvaluationResult
  /// The findings about the detections that these are compared with.
  public var warningsOfOther: [DataFinding] = []
  /// The numbers of detections that each rule took away; `nil` where they were not asked for.
  public var losses: DetectionLosses?
  /// The kinds of errors and what they cost; `nil` where they were not asked for.
  public var errors: ErrorBreakdown?
  /// The table of what objects are called; `nil` where it was not asked for.
  public var confusion: ConfusionTable?
  /// The differences from other results; `nil` where there are none.
  public var comparison: ResultComparison?
}

extension LVISEvaluator {
  /// Scores a results file and analyses it as far as asked for.
  ///
  /// - Parameters:
  ///   - path: A JSON list of detections, as LVIS and COCO submit them, or columns of tensors; see `DetectionColumns`.
  ///   - analyses: What else to look at.
  ///   - progress: Told, from 0 to 1, how much of the comparison is done.
  /// - Throws: `DatasetError` that names file, element and field for what is malformed or does not belong to the ground
  ///   truth; `FileError` where a file cannot be read.
  public func findings(
    resultsAt path: String, analyses: EvaluationAnalyses = EvaluationAnalyses(), progress: (Double) -> Void = { _ in }
  ) throws -> EvaluationFindings {
    // One file's detections at a time: of the other only its scores are kept.
    let other = try analyses.comparedResults.map { path in
      let detections = try ranks.agreed { try prepare(resultsAt: path) }
      return score(detections, try storeOfAllProcesses(of: detections))
    }
    let isAnalysed = analyses.errors || analyses.confusion
    let detections = try ranks.agreed { try prepare(resultsAt: path, for: isAnalysed ? .analysis : .scoring) }
    let store = try storeOfAllProcesses(of: detections)
    // The others have done their part.
    if ranks.rank > 0 { return EvaluationFindings(result: evaluate(detections, store)) }
    let analysis = isAnalysed ? try analyze(detections) : nil
    let losses = analyses.losses ? self.losses(of: detections, store) : nil
    guard let other else {
      return EvaluationFindings(
        result: evaluate(detections, store), losses: losses, errors: analyses.errors ? analysis?.errors : nil,
        confusion: analyses.confusion ? analysis?.confusion : nil)
    }
    let scored = score(detections, store)
    return EvaluationFindings(
      result: scored.result, warningsOfOther: other.result.warnings.filter { $0.file == analyses.comparedResults },
      losses: losses, errors: analyses.errors ? analysis?.errors : nil,
      confusion: analyses.confusion ? analysis?.confusion : nil,
      comparison: compare(
        other, with: scored, replicates: analyses.replicates, seed: analyses.seed, progress: progress))
  }
}
