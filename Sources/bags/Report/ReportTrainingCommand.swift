import ArgumentParser
import BalancedGroupSoftmax
import Foundation

/// `bags report training`: what training saw, step by step.
struct ReportTrainingCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "training",
    abstract: "Draw the curves of training: loss, learning rate, gradient, others.",
    discussion: """
      The figure and its data (CSV, one line a report of training) go into the run where one run is named or none, and \
      to Reports/training where there are several. One run shows the loss of every group; several show their sums.

      EXAMPLES
        bags report training
        bags report training runs/a runs/b --output figures --image-format png
      """)

  @Argument(help: ArgumentHelp("Run folders; the latest run where none is named.", valueName: "run"))
  var runs: [String] = []

  @OptionGroup var figure: FigureOptions
  @OptionGroup var format: TableFormatOptions

  func run() throws {
    let named = try NamedHead.all(runs)
    let curves = TrainingCurves(try named.map(Self.curves))
    let paths = try figure.write(
      curves.chart, csv: curves.csv, named: "training",
      inRun: named.count == 1 ? named.first?.run : nil, defaultFolder: "Reports/training")
    if format.isJSON {
      try printJSON(Result(runs: curves.runs.map(Result.Run.init), figure: paths.figure, data: paths.data))
    } else {
      format.show([
        .table(curves.table, caption: "What the last report of training says."), .text(paths.lines),
      ])
    }
  }

  /// The metrics of a run.
  static func curves(of named: NamedHead) throws -> TrainingCurves.Run {
    guard let path = named.run else {
      throw CommandFailure("\(named.path): is a file; training curves are in a run's folder, in metrics.jsonl")
    }
    let run = RunFolder(at: path)
    let method = FileManager.default.fileExists(atPath: run.recordPath) ? try run.record().method : ""
    return try TrainingCurves.Run(name: named.name, method: method, metrics: run.metrics())
  }

  private struct Result: Encodable {
    struct Run: Encodable {
      let name: String
      let method: String
      let last: TrainingMetrics?

      init(_ run: TrainingCurves.Run) {
        name = run.name
        method = run.method
        last = run.metrics.last
      }
    }
    let runs: [Run]
    let figure: String
    let data: String
  }
}
