import ArgumentParser
import BalancedGroupSoftmax
import Foundation

/// The analyses that an evaluation makes beside its metrics.
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
      valueName: "file|run"))
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
    (analyses.replicates, analyses.seed) = (bootstrap, seed)
    analyses.comparedResults = try compare.map(resultsPath(for:))
    let progress = ProgressLine("bootstrap")
    defer { progress.finish() }
    return try evaluator.findings(resultsAt: results, analyses: analyses) { progress.update($0) }
  }
}

/// The file of the detections that a user means: a run's, where the path is its folder, else the path itself.
///
/// - Throws: `CommandFailure` where a run keeps none.
func resultsPath(for path: String) throws -> String {
  let run = RunFolder(at: path)
  guard FileManager.default.fileExists(atPath: run.recordPath) else { return path }
  guard let results = run.keptResultsPath else {
    throw CommandFailure(
      "\(path): keeps no detections; `bags predict \(path) … --output \(run.resultsPath)` writes them, and `bags compare` "
        + "keeps those of its runs")
  }
  return results
}
