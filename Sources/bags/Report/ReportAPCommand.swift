import ArgumentParser
import BalancedGroupSoftmax
import Foundation

/// `bags report ap`: average precision by frequency and by group.
struct ReportAPCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ap",
    abstract: "Draw average precision by frequency and by group, several results side by side.",
    discussion: """
      An evaluation is what `bags evaluate --output` writes; a run is one whose folder holds it as evaluation.json. \
      With `--groups`, the evaluation has AP1 and on. The figure and its data (CSV, one line a result) go to Reports/ap.

      EXAMPLES
        bags evaluate --annotations val.json --results a.json --groups runs/a/groups.json \
      --output runs/a/evaluation.json
        bags report ap runs/a runs/b
        bags report ap softmax.json bags.json --image-format pdf
      """)

  @Argument(help: ArgumentHelp("Evaluations or runs; the latest run where none is named.", valueName: "run|evaluation"))
  var results: [String] = []

  @OptionGroup var figure: FigureOptions
  @OptionGroup var format: FormatOptions

  func run() throws {
    let named = results.isEmpty ? [try RunFolder.latestOrFail().path] : results
    let comparison = try APComparison(try named.map(APComparison.Result.init(naming:)))
    let paths = try figure.write(comparison.chart, csv: comparison.csv, named: "ap", defaultFolder: "Reports/ap")
    if format.isJSON {
      try printJSON(Result(comparison, paths: paths))
    } else {
      StandardStreams.result(Self.table(of: comparison) + "\n\n" + paths.lines)
    }
  }

  static func table(of comparison: APComparison) -> String {
    let names = Array(comparison.metricSets.joined())
    var table = TextTable([("AP, %", .left)] + names.map { ($0, .right) })
    for result in comparison.results {
      table.add([result.name] + names.map { result.value($0).map { NumberText.fixed(100 * $0, digits: 2) } ?? "–" })
    }
    return table.rendered()
  }

  private struct Result: Encodable {
    struct Row: Encodable {
      let name: String
      let method: String
      let metrics: [String: Double]
    }
    let results: [Row]
    let figure: String
    let data: String

    init(_ comparison: APComparison, paths: FigurePaths) {
      let names = Array(comparison.metricSets.joined())
      results = comparison.results.map { result in
        let metrics = names.compactMap { name in result.value(name).map { (name, $0) } }
        return Row(name: result.name, method: result.method, metrics: Dictionary(metrics) { $1 })
      }
      figure = paths.figure
      data = paths.data
    }
  }
}
