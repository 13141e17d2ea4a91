import ArgumentParser
import BalancedGroupSoftmax

/// What else an evaluation looks at than its metrics.
struct EvaluationAnalysisOptions: ParsableArguments {
  @Flag(
    help:
      "Count where detections were lost: over the cap, of unknown categories, in images not searched for the class, without an area; and list the classes never predicted."
  )
  var losses = false

  @Flag(
    help:
      "Take errors apart after TIDE: classification, localization, both, duplicate, background, missed, by frequency and group, and the AP at IoU .5 that each costs."
  )
  var errors = false

  @Flag(
    help:
      "Count what the objects of each frequency, or group, are called by the best detection on them, and how many are missed."
  )
  var confusion = false

  @Option(
    help: .init(
      "Other detections to compare with: differences of every metric and class, with 95 % intervals.",
      valueName: "file"))
  var compare: String?

  @Option(help: .init("With --compare: how often images are drawn for the intervals; 0 for none.", valueName: "n"))
  var bootstrap = 1000

  @Option(help: .init("With --compare: what the draws come from.", valueName: "n"))
  var seed: UInt64 = 0

  func validate() throws {
    guard (0...100_000).contains(bootstrap) else { throw ValidationError("--bootstrap must be from 0 to 100000") }
    guard bootstrap == 0 || bootstrap >= 20 else {
      throw ValidationError("--bootstrap must be at least 20, for an interval to mean anything, or 0 for none")
    }
  }

  /// Evaluates, and analyses as far as was asked for.
  func findings(_ evaluator: LVISEvaluator, results: String) throws -> EvaluationFindings {
    guard losses || errors || confusion || compare != nil else {
      return EvaluationFindings(result: try evaluator.evaluate(resultsAt: results))
    }
    func prepared(_ path: String, for purpose: PreparedDetections.Purpose) throws -> PreparedDetections {
      try evaluator.prepare(resultsAt: path, for: purpose)
    }
    // One file's detections at a time: of the first only its scores are kept.
    let other = try compare.map { evaluator.score(try prepared($0, for: .scoring)) }
    let detections = try prepared(results, for: errors || confusion ? .analysis : .scoring)
    let analysed = errors || confusion ? try evaluator.analyze(detections) : nil
    let scored = compare == nil ? nil : evaluator.score(detections)
    var findings = EvaluationFindings(result: scored?.result ?? evaluator.evaluate(detections))
    findings.warningsOfOther = other?.result.warnings.filter { $0.file == compare } ?? []
    findings.losses = losses ? evaluator.losses(of: detections) : nil
    findings.errors = errors ? analysed?.errors : nil
    findings.confusion = confusion ? analysed?.confusion : nil
    if let other, let scored, let compare {
      let progress = ProgressLine("bootstrap")
      let comparison = evaluator.compare(other, with: scored, replicates: bootstrap, seed: seed) { progress.update($0) }
      progress.finish()
      findings.comparison = (compare, comparison)
    }
    return findings
  }
}

/// An evaluation and what else was asked about it.
struct EvaluationFindings {
  let result: EvaluationResult
  /// What is odd about the detections that these are compared with.
  var warningsOfOther: [DataFinding] = []
  var losses: DetectionLosses?
  var errors: ErrorBreakdown?
  var confusion: ConfusionTable?
  /// The other file, and how the results differ from it.
  var comparison: (path: String, comparison: ResultComparison)?
}
