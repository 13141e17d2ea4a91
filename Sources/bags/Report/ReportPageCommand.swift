import ArgumentParser
import DetectionHeads
import DurableFiles
import Foundation
import Reporting

/// `bags report [RUN…]`: one page with everything.
struct ReportPageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page",
    abstract: "Write one HTML page on a run, or a comparison of several (the default).",
    discussion: """
      The page needs neither network nor any other file. It holds the classes and groups, the curves of training, the \
      weight norms, before and after where the run began from a head, every setting, and, where a run's folder holds \
      evaluation.json, AP by frequency and group; with `--per-class`, AP of every class.

      A single run's page is written into it as report.html, a comparison's to Reports/report.html.

      EXAMPLES
        bags report
        bags report page runs/softmax runs/bags --output comparison.html
        bags evaluate --annotations val.json --results results.json --groups runs/bags/groups.json \
      --per-class --format json > runs/bags/evaluation.json
      """)

  @Argument(help: ArgumentHelp("Run folders; the latest run where none is named.", valueName: "run"))
  var runs: [String] = []

  @Option(help: ArgumentHelp("The page to write.", valueName: "file"))
  var output: String?

  @OptionGroup var overwriting: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func run() throws {
    let named = try NamedHead.all(runs, hint: ReportCommand.hint)
    let path = output ?? (named.count == 1 ? named.first?.run : "Reports").map { "\($0)/report.html" } ?? "report.html"
    // A run's own page holds nothing but the run: it is made anew without asking.
    if output != nil || named.count > 1 { try overwriting.check(path) }
    let page = try ReportPage(named.map(ReportedRun.init))
    let html = try page.html()
    try makeFolder((path as NSString).deletingLastPathComponent)
    try DurableFile.write(html, to: path)
    if format.isJSON {
      try printJSON(["page": path])
    } else {
      StandardStreams.result(path)
    }
  }
}

extension ReportedRun {
  /// Reads all that a run's folder holds.
  init(_ named: NamedHead) throws {
    guard let path = named.run else {
      throw CommandFailure(
        "\(named.path): is a file; a page is about runs, `bags report weightnorms` draws bare heads too")
    }
    let folder = RunFolder(at: path)
    let record = try folder.record()
    // The head that training began from may be gone, or may not name its classes: then there is no "before".
    let head = try LinearHead(contentsOf: folder.headPath)
    let initial = record.inputs["init"].flatMap {
      try? LinearHead(contentsOf: RunFolder.headPath(for: $0.path), groups: head.groups)
    }
    let hasMetrics = FileManager.default.fileExists(atPath: folder.metricsPath)
    let evaluationPath = EvaluationFile.path(inRun: path)
    let evaluation =
      FileManager.default.fileExists(atPath: evaluationPath) ? try EvaluationFile(contentsOf: evaluationPath) : nil
    self.init(
      name: named.name, record: record, head: head, initialHead: initial,
      metrics: hasMetrics ? try folder.metrics() : [], evaluation: evaluation?.metrics ?? [:],
      classAP: evaluation?.classAP ?? [:])
  }
}
