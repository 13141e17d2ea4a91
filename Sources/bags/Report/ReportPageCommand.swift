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
      as it holds them; where it holds results.json, the scores of the detections.

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
    let comparison = try comparisonNamed()
    let named =
      try comparison.map { try $0.heads() } ?? NamedHead.all(runs, hint: ReportCommand.hint)
    let single = named.count == 1 ? named.first?.run : nil
    let path = output ?? "\(comparison?.folder ?? single ?? "Reports")/report.html"
    let page = try ReportPage(try named.map(ReportedRun.init), comparison: comparison?.report)
    // The page of a run or a comparison holds nothing but what its folder does: it is made anew without asking.
    if output != nil || (comparison == nil && single == nil) { try overwriting.check(path) }
    for run in page.runs where run.evaluation.isEmpty {
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

  /// The comparison that the only argument names; `nil` where it is a run.
  private func comparisonNamed() throws -> ComparisonFile? {
    guard runs.count == 1, let folder = runs.first, ComparisonFile.exists(in: folder) else { return nil }
    return try ComparisonFile(in: folder)
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
    curves = evaluation?.curves ?? []
    confusion = evaluation?.confusion ?? []
    scores = try Self.scores(at: "\(path)/results.json", name: named.name, method: record.method, groups: head.groups)
  }

  /// The scores of a results file; `nil` where there is none.
  private static func scores(
    at path: String, name: String, method: String, groups: CategoryGroups
  ) throws -> ScoreDistribution.Result? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let detections = try DetectionColumns(contentsOfResults: path)
    var scores = ScoreDistribution.Result(name: name, method: method, groups: groups)
    for (score, id) in zip(detections.scores, detections.categoryIDs) { scores.add(score: score, categoryID: id) }
    return scores
  }
}
