import LVISDatasets

/// What an evaluation looks at beside its metrics.
public struct EvaluationAnalyses: Sendable {
  /// Whether to count where detections were lost.
  public var losses = false
  /// Whether to take errors apart after TIDE.
  public var errors = false
  /// Whether to count what objects are called.
  public var confusion = false
  /// A results file to compare with; `nil` for none.
  public var comparedResults: String?
  /// How often images are drawn for the intervals of the comparison; 0 for no intervals.
  public var replicates = 1000
  /// What the draws come from.
  public var seed: UInt64 = 0

  /// Nothing but the metrics.
  public init() {}
}

/// An evaluation and what else was asked about it.
public struct EvaluationFindings: Sendable {
  /// The metrics.
  public var result: EvaluationResult
  /// What is odd about the detections that these are compared with.
  public var warningsOfOther: [DataFinding] = []
  /// What became of the detections.
  public var losses: DetectionLosses?
  /// The kinds of errors and what they cost.
  public var errors: ErrorBreakdown?
  /// What objects are called.
  public var confusion: ConfusionTable?
  /// How the results differ from others.
  public var comparison: ResultComparison?
}

extension LVISEvaluator {
  /// Scores a results file and analyses it as far as asked for.
  ///
  /// - Parameters:
  ///   - path: A JSON list of detections, as LVIS and COCO submit them.
  ///   - analyses: What else to look at.
  ///   - progress: Told, from 0 to 1, how much of the comparison is done.
  /// - Throws: `DatasetError` that names file, element and field for what is malformed or does not belong to the ground
  ///   truth; `FileError` where a file cannot be read.
  public func findings(
    resultsAt path: String, analyses: EvaluationAnalyses = EvaluationAnalyses(), progress: (Double) -> Void = { _ in }
  ) throws -> EvaluationFindings {
    // One file's detections at a time: of the other only its scores are kept.
    let other = try analyses.comparedResults.map { score(try prepare(resultsAt: $0)) }
    let isAnalysed = analyses.errors || analyses.confusion
    let detections = try prepare(resultsAt: path, for: isAnalysed ? .analysis : .scoring)
    let analysis = isAnalysed ? try analyze(detections) : nil
    let losses = analyses.losses ? self.losses(of: detections) : nil
    guard let other else {
      return EvaluationFindings(
        result: evaluate(detections), losses: losses, errors: analyses.errors ? analysis?.errors : nil,
        confusion: analyses.confusion ? analysis?.confusion : nil)
    }
    let scored = score(detections)
    return EvaluationFindings(
      result: scored.result, warningsOfOther: other.result.warnings.filter { $0.file == analyses.comparedResults },
      losses: losses, errors: analyses.errors ? analysis?.errors : nil,
      confusion: analyses.confusion ? analysis?.confusion : nil,
      comparison: compare(
        other, with: scored, replicates: analyses.replicates, seed: analyses.seed, progress: progress))
  }
}
