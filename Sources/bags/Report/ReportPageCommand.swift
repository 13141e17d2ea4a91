import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// `bags report [RUN…]`: one page with everything.
struct ReportPageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "page",
    abstract: "Write one HTML page on runs, heads or results, or a comparison of several (the default).",
    discussion: """
      The page needs neither network nor any other file. It holds the classes and groups, the curves of training, the \
      weight norms, before and after where the run began from a head, every setting, and, where a run's folder holds \
      evaluation.json, AP by frequency, group and class, precision over recall and the confusion between groups, as far \
      as it holds them; where it holds results.json or detections.safetensors, the scores of the detections.

      A head file that stands in no run is shown with its weight norms, its groups, and what it says of itself; \
      --annotations, or --groups, name and count the classes of one that does not. Results, as JSON or columns of \
      tensors, are scored against --annotations, and so are the detections that runs keep where it is given.

      The page of a single run, or of what `bags compare` made, is written into its folder as report.html, that of \
      several runs to Reports/report.html.

      EXAMPLES
        bags report
        bags report page runs/softmax runs/bags --output comparison.html
        bags report comparison
        bags report detector_head.safetensors --annotations lvis_v1_train.json
        bags report a.json b.safetensors --annotations lvis_v1_val.json --groups groups.json
        bags evaluate --annotations val.json --results results.json --groups runs/bags/groups.json \
      --output runs/bags/evaluation.json
      """)

  @Argument(
    help: ArgumentHelp(
      "Runs, head files and results, or the folder of a comparison; the latest run where nothing is named.",
      valueName: "run|head|results|comparison"),
    completion: .file())
  var runs: [String] = []

  @OptionGroup var classes: ReportClassOptions

  @Option(help: ArgumentHelp("The page to write.", valueName: "file"))
  var output: String?

  @OptionGroup var overwriting: OverwriteOptions
  @OptionGroup var format: FormatOptions

  func run() throws {
    let folder = comparisonFolder
    let comparison = try folder.map { try ComparisonDocument(inFolder: $0) }
    let subjects =
      try comparison.map {
        try ReportSubjects(
          comparison: $0.firstRuns(inFolder: folder ?? "").map { try NamedHead($0.run.path).named($0.method) },
          classes: classes)
      } ?? ReportSubjects(runs, classes: classes)
    let single = subjects.singleRun
    let path = output ?? "\(folder ?? single ?? "Reports")/report.html"
    var (reported, groups) = try subjects.read()
    for (index, runs) in (comparison?.runs(inFolder: folder ?? "") ?? []).enumerated() {
      reported[index].otherSeeds = try Self.curves(of: runs.runs.dropFirst(), method: runs.method)
    }
    let page = try ReportPage(
      reported, comparison: comparison,
      named: folder.map { URL(fileURLWithPath: $0).resolvingSymlinksInPath().lastPathComponent } ?? "", groups: groups)
    // The page of a run or a comparison holds nothing but what its folder does: it is made anew without asking.
    if output != nil || (comparison == nil && single == nil) { try overwriting.check(path) }
    for run in page.runs where run.evaluation == nil && run.record != nil {
      StandardStreams.note(
        "\(run.name): holds no evaluation.json, so the page has no AP of it; `bags evaluate … --output "
          + "\(single ?? "runs/NAME")/evaluation.json` writes one")
    }
    let html = try page.html()
    try makeFolder(at: parentFolder(of: path))
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
