import ArgumentParser
import BalancedGroupSoftmax
import Foundation

struct RunsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "runs",
    abstract: "List the runs with their settings and scores.",
    discussion: """
      Settings are those that differ from what `bags train` takes by itself. Scores, in per cent, are of the \
      evaluation.json in a run's folder, which `bags evaluate … --output runs/NAME/evaluation.json` makes.

      EXAMPLES
        bags runs
        bags runs --sort APr
        bags runs experiments --format json
      """)

  @Argument(help: .init("The folder that the runs are in.", valueName: "folder"), completion: .directory)
  var folder = "runs"

  @Option(help: .init("A score to sort by, the best first (default: the oldest run first).", valueName: "metric"))
  var sort: String?

  @OptionGroup var format: TableFormatOptions

  func run() throws {
    var runs = try RunOverview.all(in: folder)
    for fault in runs.flatMap(\.faults) { StandardStreams.warn(fault) }
    let metrics = APComparison.columns(for: runs.map(\.metrics))
    if let sort { runs = try sorted(runs, by: sort, of: metrics) }
    if format.isJSON {
      try printJSON(["runs": runs.map(RunListing.init)])
    } else if runs.isEmpty {
      let inside = "\(folder)/runs"
      let hint = FileManager.default.fileExists(atPath: inside) ? "; there are some in \(inside)" : ""
      StandardStreams.result("no runs in \(folder)\(hint)")
    } else {
      format.show([.table(Self.table(of: runs, metrics: metrics), caption: "The runs in \(folder), AP in per cent.")])
    }
  }

  /// Runs without the score stand behind the others.
  private func sorted(_ runs: [RunOverview], by name: String, of known: [String]) throws -> [RunOverview] {
    let all = Set(runs.flatMap(\.metrics.keys)).sorted()
    guard all.contains(name) else {
      let hint = closest(to: name, among: all).map { "; did you mean \($0)?" } ?? ""
      throw CommandFailure("--sort: no run here has a score \(name)\(hint)")
    }
    return runs.enumerated().sorted { a, b in
      (-(a.element.metrics[name] ?? -1), a.offset) < (-(b.element.metrics[name] ?? -1), b.offset)
    }.map(\.element)
  }

  static func table(of runs: [RunOverview], metrics: [String]) -> TextTable {
    var table = TextTable(
      [("run", .left), ("method", .left), ("begun (UTC)", .left), ("time", .right), ("loss", .right)]
        + metrics.map { ($0, .right) } + [("settings", .left)])
    for run in runs {
      let result = run.record?.result
      let state = run.state == .complete ? "" : "\(run.state.rawValue)  "
      table.add(
        [
          run.name, run.record?.method ?? "–", run.begun, result.map { ProgressLine.duration($0.seconds) } ?? "–",
          run.loss.map { NumberText.fixed($0, digits: 4) } ?? "–",
        ] + metrics.map { name in EvaluationTables.percent(run.metrics[name]) } + [state + run.nonDefaultSettings])
    }
    return table
  }
}

/// A run as JSON.
struct RunListing: Encodable {
  let name: String
  let path: String
  let state: RunOverview.State
  let method: String?
  let begun: String?
  let settings: [String: String]
  let seconds: Double?
  let loss: Double?
  let metrics: [String: Double]

  init(_ run: RunOverview) {
    name = run.name
    path = run.path
    state = run.state
    method = run.record?.method
    begun = run.record?.created
    settings = Dictionary((run.record?.options ?? []).map { ($0.name, $0.value) }) { $1 }
    seconds = run.record?.result?.seconds
    loss = run.loss
    metrics = run.metrics
  }
}
