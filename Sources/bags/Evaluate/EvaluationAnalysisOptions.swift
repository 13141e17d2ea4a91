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

  @Flag(
    help:
      "Measure whether scores are to be trusted: D-ECE, its maximum, LaECE, and oLRP with the best threshold, by frequency, group and class."
  )
  var calibration = false

  @Flag(help: "Give AP, APr, AP1 and the rest 95 % intervals, by drawing images.")
  var intervals = false

  @Option(
    name: .customLong("slice"),
    help: .init(
      "Score slices of the images by themselves: every column of a CSV file with image_id, or a key of the image records. May be repeated.",
      valueName: "file|key"))
  var sliced: [String] = []

  @Flag(help: "Score small, medium, large, tall, compact and wide objects of each frequency, or group, by themselves.")
  var shapes = false

  @OptionGroup var labels: LabelErrorOptions

  @Option(
    help: .init(
      "Other detections to compare with: differences of every metric and class, with 95 % intervals.",
      valueName: "file|run"))
  var compare: String?

  @Option(
    help: .init(
      "With --compare, --intervals and --slice: how often images are drawn for the intervals; 0 for none.",
      valueName: "n"))
  var bootstrap = 1000

  @Option(help: .init("What the draws come from.", valueName: "n"))
  var seed: UInt64 = 0

  func validate() throws {
    guard (0...100_000).contains(bootstrap) else { throw ValidationError("--bootstrap must be from 0 to 100000") }
    guard bootstrap == 0 || bootstrap >= 20 else {
      throw ValidationError("--bootstrap must be at least 20, for an interval to mean anything, or 0 for none")
    }
    if intervals, bootstrap == 0 { throw ValidationError("--intervals draws images: --bootstrap must not be 0") }
  }

  /// Evaluates, and analyses as far as was asked for.
  ///
  /// - Parameters:
  ///   - evaluator: The ground truth.
  ///   - annotations: Its file, whose image records may be sliced by a key of theirs.
  ///   - results: The detections.
  func findings(_ evaluator: LVISEvaluator, annotations: String, results: String) throws -> EvaluationFindings {
    var analyses = EvaluationAnalyses()
    (analyses.losses, analyses.errors, analyses.confusion) = (losses, errors, confusion)
    (analyses.calibration, analyses.intervals, analyses.shapes) = (calibration, intervals, shapes)
    (analyses.labelErrors, analyses.labelConfidence) = (labels.isAsked, labels.labelConfidence)
    analyses.slices = try slices(annotations)
    if !sliced.isEmpty, analyses.slices.isEmpty { throw CommandFailure("--slice: no image has a value to slice by") }
    (analyses.replicates, analyses.seed) = (bootstrap, seed)
    analyses.comparedResults = try compare.map(resultsPath(for:))
    let progress = ProgressLine("bootstrap")
    defer { progress.finish() }
    let findings = try evaluator.findings(resultsAt: results, analyses: analyses) { progress.update($0) }
    progress.finish()
    if let slices = findings.slices, slices.isEmpty, !sliced.isEmpty {
      throw CommandFailure("--slice: none of its images is in \(annotations)")
    }
    if let seconds = findings.secondsOfDrawing {
      StandardStreams.note(
        "drawing images \(grouped(bootstrap)) times for each set of intervals took \(NumberText.fixed(seconds, digits: 1)) s"
      )
    }
    return findings
  }

  /// The slices of the images.
  private func slices(_ annotations: String) throws -> [ImageSlice] {
    var attributes: [ImageAttribute] = []
    for source in sliced {
      if FileManager.default.fileExists(atPath: source) {
        attributes += try ImageAttribute.read(table: source)
      } else if source.lowercased().hasSuffix(".csv") {
        throw CommandFailure("\(source): there is no such file")
      } else {
        attributes.append(try ImageAttribute(key: source, ofImagesIn: annotations))
      }
    }
    return try attributes.flatMap(ImageSlice.slices)
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
