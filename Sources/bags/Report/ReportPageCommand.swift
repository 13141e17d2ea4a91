import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// `bags report [RUN…]`: one page with everything.
struct ReportPageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page",
    abstract: "Write one HTML page on a run, or a comparison of several (the default).",
    discussion: """
      The page needs neither network nor any other file. It holds the classes and groups, the curves of training, the \
      weight norms, before and after where the run began from a head, every setting, and, where a run's folder holds \
      evaluation.json, AP by frequency, group and class, precision over recall and the confusion between groups, as far \
      as it holds them; where it holds results.json or detections.safetensors, the scores of the detections.

      The page of a single run, or of what `bags compare` made, is written into its folder as report.html, that of \
      several runs to Reports/report.html.

      EXAMPLES
        bags report
        bags report page runs/softmax runs/bags --output comparison.html
        bags report comparison
        bags evaluate --annotations val.json --results results.json --groups runs/bags/groups.json \
      --output runs/bags/evaluation.json
      """)

  @Argument(
    help: ArgumentHelp(
      "Run folders, or one that `bags compare` made; the latest run where none is named.", valueName: "run|comparison"),
    completion: .directory)
  var runs: [String] = []

  @Option(help: ArgumentHelp("The page to write.", valueName: "file"))
  var output: String?

  @OptionGroup var overwriting: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func run() throws {
    let folder = comparisonFolder
    let comparison = try folder.map { try ComparisonDocument(inFolder: $0) }
    let named =
      try comparison.map {
        try $0.firstRuns(inFolder: folder ?? "").map { try NamedHead($0.run.path).named($0.method) }
      }
      ?? NamedHead.all(runs, hint: ReportCommand.hint)
    let single = named.count == 1 ? named.first?.run : nil
    let path = output ?? "\(folder ?? single ?? "Reports")/report.html"
    var reported = try named.map(ReportedRun.init)
    for (index, runs) in (comparison?.runs(inFolder: folder ?? "") ?? []).enumerated() {
      reported[index].otherSeeds = try Self.curves(of: runs.runs.dropFirst(), method: runs.method)
    }
    let page = try ReportPage(
      reported, comparison: comparison,
      named: folder.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().lastPathComponent } ?? "")
    // The page of a run or a comparison holds nothing but what its folder does: it is made anew without asking.
    if output != nil || (comparison == nil && single == nil) { try overwriting.check(path) }
    for run in page.runs where run.evaluation == nil {
      StandardStreams.note(
        "\(run.name): holds no evaluation.json, so the page has no AP of it; `bags evaluate … --output "
          + "\(single ?? "runs/NAME")/evaluation.json` writes one")
    }
    let html = try page.html()
    try makeFolder(at: (path as NSString).deletingLastPathComponent)
    try DurableFile.write(html, to: path)
    if format.isJSON {
      try printJSON(["page": path])
    } else {
      StandardStreams.result(path)
    }
  }

  /// The curves of runs that are there and were trained.
  private static func curves(of runs: some Sequence<RunFolder>, method: String) throws -> [TrainingCurves.Run] {
    try runs.compactMap { run in
      guard FileManager.default.fileExists(atPath: run.metricsPath) else { return nil }
      let metrics = try run.metrics()
      guard !metrics.isEmpty else { return nil }
      let seed = try run.record().settings.seed
      return try TrainingCurves.Run(name: "\(method), seed \(seed)", method: method, metrics: metrics)
    }
  }

  /// The folder of the comparison that the only argument names; `nil` where it is a run.
  private var comparisonFolder: String? {
    guard runs.count == 1, var folder = runs.first,
      FileManager.default.fileExists(atPath: ComparisonDocument.path(in: folder))
    else { return nil }
    while folder.count > 1 && folder.hasSuffix("/") { folder.removeLast() }
    return folder
  }
}

extension ReportedRun {
  /// Reads the run that the user named.
  ///
  /// - Throws: `CommandFailure` for a bare head; what is wrong with the run's files.
  init(_ named: NamedHead) throws {
    guard let path = named.run else {
      throw CommandFailure(
        "\(named.path): is a file; a page is about runs, `bags report weightnorms` draws bare heads too")
    }
    try self.init(contentsOf: RunFolder(at: path), named: named.name)
  }
}
