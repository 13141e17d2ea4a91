import ArgumentParser
import BalancedGroupSoftmax
import Foundation

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Show the whole path on built-in data: train softmax and BAGS, score both, write a report.",
    discussion: """
      Makes a synthetic long-tailed set from a seed, trains the baseline and balanced group softmax on it with the same \
      settings, detects and scores with both as LVIS does, and draws their weight norms. Then both at learning rates of \
      their own, and softmax on class-balanced images, started from the first head: what one would try on a detector. The \
      report tells which commands do the same on your own data.

      An earlier demo's report at the same place is replaced; anything else that stands there is left alone unless \
      --overwrite is given.

      EXAMPLES
        bags demo
        bags demo --seed 1 --output Reports/demo-1
      """)

  @Option(help: "Where data and training get their randomness from.")
  var seed: UInt64 = 0

  @Option(help: .init("The folder that the report is written to.", valueName: "folder"))
  var output = "Reports/demo"

  @OptionGroup var overwrite: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func run() throws {
    let start = ContinuousClock.now
    let folder = DemoFolder(at: output)
    try folder.check(overwriting: overwrite.overwrite)
    let set = SyntheticDetectionSet(seed: seed)
    let staging = try folder.stage()
    do {
      StandardStreams.note("data: \(set.summary)")
      try set.write(to: staging.data)
      let experiment = try DemoExperiment(set: set, staging: staging, final: folder)
      var outcomes = try DemoExperiment.Row.published.map { try experiment.run($0) }
      outcomes += try experiment.tunedRows(own: outcomes[0].head).map { try experiment.run($0) }
      let report = try DemoReport(set: set, outcomes: outcomes)
      try report.write(to: staging, shownAs: folder)
      try folder.replace(by: staging)
      try print(report, in: folder, seconds: seconds(ContinuousClock.now - start))
    } catch {
      staging.remove()
      throw error
    }
  }

  private func print(_ report: DemoReport, in folder: DemoFolder, seconds: Double) throws {
    if format.isJSON {
      try printJSON(DemoResult(report: folder.readme, seconds: seconds, metrics: report.metrics))
    } else {
      StandardStreams.result(report.table.rendered())
      StandardStreams.result(
        "\nreport  \(folder.readme)\npage    \(folder.page)\nfigures \(folder.weightNorms).svg, \(folder.averagePrecision).svg"
      )
    }
  }
}

/// What `bags demo --format json` prints.
private struct DemoResult: Encodable {
  let report: String
  let seconds: Double
  let metrics: DemoMetrics

  enum CodingKeys: String, CodingKey { case report, seconds }

  func encode(to encoder: any Encoder) throws {
    try metrics.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(report, forKey: .report)
    try container.encode(seconds, forKey: .seconds)
  }
}

extension SyntheticDetectionSet {
  /// One line on what it holds.
  var summary: String {
    "\(grouped(training.dataset.images.count)) training and \(grouped(validation.dataset.images.count)) validation "
      + "images, \(grouped(training.dataset.annotations.count)) and \(grouped(validation.dataset.annotations.count)) "
      + "objects of \(training.dataset.categories.count) classes"
  }
}
