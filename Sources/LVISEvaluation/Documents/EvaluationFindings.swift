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
  /// Whether to measure if scores are to be trusted, and where to cut them off.
  public var calibration = false
  /// Whether to give the metrics intervals.
  public var intervals = false
  /// Whether to score by the size and aspect of the objects.
  public var shapes = false
  /// Whether to look for annotations that are likely to be wrong.
  public var labelErrors = false
  /// The score from which a detection is believed against an annotation; .5 by default.
  public var labelConfidence = LabelErrors.standardConfidence
  /// Sets of images to score by themselves; none by default.
  public var slices: [ImageSlice] = []
  /// A results file to compare with; `nil` for none.
  public var comparedResults: String?
  /// The number of draws of images for intervals, 1 000 by default; 0 for no intervals.
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
  /// Whether scores are to be trusted; `nil` where that was not asked for.
  public var calibration: DetectionCalibration?
  /// The intervals of the metrics; `nil` where they were not asked for.
  public var intervals: MetricIntervals?
  /// AP by size and aspect; `nil` where it was not asked for.
  public var shapes: ShapeBreakdown?
  /// Annotations that are likely to be wrong; `nil` where they were not looked for.
  public var labelErrors: LabelErrors?
  /// The metrics on slices of the images; `nil` where none were asked for.
  public var slices: [SliceScores]?
  /// The differences from other results; `nil` where there are none.
  public var comparison: ResultComparison?

  /// How long images were drawn for intervals and differences, in seconds; `nil` where none were.
  public var secondsOfDrawing: Double?

  init(result: EvaluationResult) { self.result = result }
}

extension LVISEvaluator {
  /// Scores a results file and analyses it as far as asked for.
  ///
  /// - Parameters:
  ///   - path: A JSON list of detections, as LVIS and COCO submit them, or columns of tensors; see `DetectionColumns`.
  ///   - analyses: What else to look at.
  ///   - progress: Told, from 0 to 1, how much of the drawing of images for one set of intervals is done.
  /// - Throws: `DatasetError` that names file, element and field for what is malformed or does not belong to the ground
  ///   truth; `FileError` where a file cannot be read; `EvaluationError` for scores that calibration cannot judge.
  public func findings(
    resultsAt path: String, analyses: EvaluationAnalyses = EvaluationAnalyses(), progress: (Double) -> Void = { _ in }
  ) throws -> EvaluationFindings {
    // One file's detections at a time: of the other only its scores are kept.
    let other = try analyses.comparedResults.map { path in
      let detections = try ranks.agreed { try prepare(resultsAt: path) }
      return score(detections, try storeOfAllProcesses(of: detections))
    }
    let isAnalysed = analyses.errors || analyses.confusion
    let detections = try ranks.agreed {
      try prepare(resultsAt: path, for: isAnalysed || analyses.labelErrors ? .analysis : .scoring)
    }
    let store = try storeOfAllProcesses(of: detections)
    // The others have done their part.
    if ranks.rank > 0 { return EvaluationFindings(result: evaluate(detections, store)) }
    let analysis = isAnalysed ? try analyze(detections) : nil
    let (replicates, seed) = (analyses.replicates, analyses.seed)
    let isDrawn = analyses.intervals && replicates > 0
    let scored = other != nil || isDrawn ? score(detections, store) : nil
    var findings = EvaluationFindings(result: scored?.result ?? evaluate(detections, store))
    if analyses.losses { findings.losses = losses(of: detections, store) }
    if analyses.errors { findings.errors = analysis?.errors }
    if analyses.confusion { findings.confusion = analysis?.confusion }
    if analyses.calibration { findings.calibration = try calibration(of: detections) }
    if analyses.labelErrors {
      findings.labelErrors = try labelErrors(in: detections, confidence: analyses.labelConfidence)
    }
    if analyses.shapes { findings.shapes = shapes(of: detections) }
    let start = ContinuousClock.now
    if isDrawn, let scored {
      findings.intervals = intervals(of: scored, replicates: replicates, seed: seed, progress: progress)
    }
    if !analyses.slices.isEmpty {
      findings.slices = scores(
        of: detections, on: analyses.slices, replicates: replicates, seed: seed, progress: progress)
    }
    if let other, let scored {
      findings.warningsOfOther = other.result.warnings.filter { $0.file == analyses.comparedResults }
      findings.comparison = compare(other, with: scored, replicates: replicates, seed: seed, progress: progress)
    }
    if replicates > 0, isDrawn || other != nil || !analyses.slices.isEmpty {
      let (seconds, attoseconds) = (ContinuousClock.now - start).components
      findings.secondsOfDrawing = Double(seconds) + 1e-18 * Double(attoseconds)
    }
    return findings
  }
}
