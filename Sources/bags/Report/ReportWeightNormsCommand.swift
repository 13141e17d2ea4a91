import ArgumentParser
import BalancedGroupSoftmax
import Foundation

/// `bags report weightnorms`: ‖w‖₂ over classes sorted by instances.
struct ReportWeightNormsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weightnorms",
    abstract: "Shows how the lengths of a classifier's weight rows follow the classes' frequency.",
    discussion: """
      A classifier trained on long-tailed data has long weight rows for frequent classes and short ones for rare \
      classes, which therefore never fire (Figure 1 of the paper). This draws the rows' norms over the classes sorted \
      by training instances, with a running median, several heads over each other, and prints for each its rank \
      correlation with the instance count and its mean per group. Near 1, the norms follow the counts; near 0, the head \
      is balanced.

      The figure and its data (CSV, one line a class) go into the run where one run is named or none, and to \
      Reports/weightnorms where there are several or a bare head file.

      EXAMPLES
        The latest run:                bags report weightnorms
        Two runs over each other:      bags report weightnorms runs/a runs/b
        The last layer of a detector, fc_cls.weight of C+1 rows, background first:
          bags report weightnorms head.safetensors --annotations lvis_v1_train.json
        For a paper:                   bags report weightnorms --image-format pdf
      """)

  @Argument(
    help: ArgumentHelp(
      "Runs (folders with head.safetensors) or head files; the latest run where none is named.",
      valueName: "run|head"))
  var heads: [String] = []

  @Option(
    help: ArgumentHelp(
      "The annotations that the heads were trained with: they name and count the classes. Runs know theirs.",
      valueName: "file"))
  var annotations: String?

  @OptionGroup var figure: FigureOptions
  @OptionGroup var format: TableFormatOptions

  func run() throws {
    let named = try NamedHead.all(heads)
    let comparison = try comparison(of: named)
    let single = named.count == 1 ? named.first?.run : nil
    let source = annotations.map { "Counts: \(URL(fileURLWithPath: $0).lastPathComponent)." } ?? ""
    let paths = try figure.write(
      comparison.chart(source: source), csv: comparison.csv, named: "weightnorms",
      inRun: single, defaultFolder: "Reports/weightnorms")
    if format.isJSON {
      try printJSON(WeightNormsResult(comparison, paths: paths))
    } else {
      format.show([
        .table(comparison.groups.table, caption: comparison.groups.tableCaption),
        .table(
          comparison.table,
          caption: "Norms of the weight rows: their mean in each group, and their rank correlation with the instances."),
        .text(paths.lines),
      ])
    }
  }

  private func comparison(of named: [NamedHead]) throws -> WeightNormComparison {
    let counted = try annotations.map { try LVISDataset(contentsOf: $0, including: []).categoryCounts() }
    // A bare file takes its classes from the annotations, or from a head that names its own.
    let fallback =
      try counted.map { try CategoryGroups(counts: $0) }
      ?? named.lazy.compactMap { try? LinearHead(contentsOf: $0.path) }.first?.groups
    let loaded = try named.map { try LinearHead(contentsOf: $0.path, groups: fallback) }
    guard let first = loaded.first?.groups else { throw CommandFailure("no head was named") }
    let groups =
      try counted.map { try CategoryGroups(counts: $0, boundaries: first.boundaries, countedBy: first.countedBy) }
      ?? first
    for (head, named) in zip(loaded, named) { try check(head, named: named, against: groups) }
    return try WeightNormComparison(
      groups: groups, heads: zip(named, loaded).map { HeadNorms(name: $0.name, head: $1, groups: groups) })
  }

  private func check(_ head: LinearHead, named: NamedHead, against groups: CategoryGroups) throws {
    let source = annotations ?? "the first head"
    guard head.groups.members.map(\.id) == groups.members.map(\.id) else {
      throw CommandFailure(
        "\(named.path): its \(head.groups.classCount) categories are not the \(groups.classCount) of \(source); "
          + "heads of different data sets cannot share a figure")
    }
    if head.groups.members.map(\.instanceCount) != groups.members.map(\.instanceCount) {
      StandardStreams.warn("\(named.name): trained with other instance counts than those of \(source), which are shown")
    }
  }
}

/// What `--format json` prints.
private struct WeightNormsResult: Encodable {
  struct Head: Encodable {
    let name: String
    let method: String
    let rankCorrelation: Double?
    let meanNorms: [String: Double]
    let tailToHead: Double?
    let backgroundNorm: Double?
    let othersNorms: [String: Double]
  }
  let categories: Int
  let groups: [GroupSummary]
  let heads: [Head]
  let medianWindow: Int
  let figure: String
  let data: String

  init(_ comparison: WeightNormComparison, paths: FigurePaths) {
    let groups = comparison.groups
    func byGroup(_ values: [Double?]) -> [String: Double] {
      var result: [String: Double] = [:]
      for (group, value) in values.enumerated() { result["G\(group + 1)"] = value }
      return result
    }
    categories = groups.classCount
    self.groups = groups.summaries
    heads = comparison.summaries.map {
      Head(
        name: $0.name, method: $0.method, rankCorrelation: $0.rankCorrelation, meanNorms: byGroup($0.meanNorms),
        tailToHead: $0.tailToHead, backgroundNorm: $0.background, othersNorms: byGroup($0.others))
    }
    medianWindow = comparison.medianWindow
    figure = paths.figure
    data = paths.data
  }
}
