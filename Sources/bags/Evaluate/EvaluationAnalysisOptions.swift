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
    var analyses = EvaluationAnalyses()
    (analyses.losses, analyses.errors, analyses.confusion) = (losses, errors, confusion)
    (analyses.comparedResults, analyses.replicates, analyses.seed) = (compare, bootstrap, seed)
    let progress = ProgressLine("bootstrap")
    defer { progress.finish() }
    return try evaluator.findings(resultsAt: results, analyses: analyses) { progress.update($0) }
  }
}
