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
  @OptionGroup var format: TableFormatOptions

  func run() throws {
    let named = results.isEmpty ? [try RunFolder.latestOrFail().path] : results
    let comparison = try APComparison(try named.map(APComparison.Result.init(naming:)))
    let paths = try figure.write(comparison.chart, csv: comparison.csv, named: "ap", defaultFolder: "Reports/ap")
    if format.isJSON {
      try printJSON(Result(comparison, paths: paths))
    } else {
      format.show([.table(comparison.table, caption: "Average precision in per cent."), .text(paths.lines)])
    }
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

extension APComparison.Result {
  /// The result that an argument names: an evaluation's file, or a run that holds `evaluation.json`.
  init(naming argument: String) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) else {
      throw CommandFailure("\(argument): no such run or evaluation")
    }
    let url = URL(fileURLWithPath: argument).resolvingSymlinksInPath()
    let path = isFolder.boolValue ? RunFolder(at: argument).evaluationPath : argument
    guard FileManager.default.fileExists(atPath: path) else {
      throw CommandFailure(
        "\(argument): holds no evaluation.json; make it with `bags evaluate … --output \(path)`")
    }
    // An evaluation inside a run goes by the run's name and has its method.
    let folder = isFolder.boolValue ? url : url.deletingLastPathComponent()
    let run = RunFolder(at: folder.path)
    let isInRun =
      FileManager.default.fileExists(atPath: run.recordPath)
      && (isFolder.boolValue || url.lastPathComponent == "evaluation.json")
    let fileName = url.deletingPathExtension().lastPathComponent
    let name = isFolder.boolValue || isInRun ? folder.lastPathComponent : fileName
    self.init(
      name: name, method: isInRun ? try run.record().method : name,
      metrics: try EvaluationDocument(contentsOf: path).metricsByName)
  }
}
