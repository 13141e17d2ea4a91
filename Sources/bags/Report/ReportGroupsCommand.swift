import ArgumentParser
import BalancedGroupSoftmax
import Foundation

/// `bags report groups`: the long tail of a data set.
struct ReportGroupsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "groups",
    abstract: "Draw how often the classes of a data set occur, and their groups.",
    discussion: """
      Instances of every class over its rank, both on logarithmic axes. The figure and its data (CSV, one line a class) \
      go into the run where one is named or nothing is, and to Reports/groups otherwise.

      EXAMPLES
        bags report groups
        bags report groups --annotations lvis_v1_train.json
        bags report groups groups.json --output figures
      """)

  @Argument(
    help: ArgumentHelp("A run, or a groups.json; the latest run where nothing is named.", valueName: "run|groups"))
  var source: String?

  @Option(
    help: ArgumentHelp("Annotations to count instead; the groups are those of the paper.", valueName: "file"))
  var annotations: String?

  @OptionGroup var figure: FigureOptions
  @OptionGroup var format: TableFormatOptions

  func validate() throws {
    if source != nil, annotations != nil {
      throw ValidationError("give a run or groups.json, or --annotations, not both")
    }
  }

  func run() throws {
    let (groups, origin, folder) = try input()
    let paths = try figure.write(
      groups.frequencyChart(source: "Counts: \(URL(fileURLWithPath: origin).lastPathComponent)."),
      csv: groups.frequencyCSV, named: "groups", inRun: folder, defaultFolder: "Reports/groups")
    if format.isJSON {
      try printJSON(
        Result(
          categories: groups.classCount, groups: groups.summaries, figure: paths.figure, data: paths.data))
    } else {
      format.show([.table(groups.table, caption: groups.tableCaption), .text(paths.lines)])
    }
  }

  /// The groups, the file that they come from, and the run's folder where it is one.
  private func input() throws -> (groups: CategoryGroups, origin: String, folder: String?) {
    if let annotations {
      let counts = try LVISDataset(contentsOf: annotations, including: []).categoryCounts()
      return (try CategoryGroups(counts: counts), annotations, nil)
    }
    let source = try source ?? RunFolder.latestOrFail().path
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: source, isDirectory: &isFolder)
    guard exists, isFolder.boolValue else { return (try CategoryGroups(contentsOf: source), source, nil) }
    let run = RunFolder(at: source)
    return (try CategoryGroups(contentsOf: run.groupsPath), run.groupsPath, source)
  }

  private struct Result: Encodable {
    let categories: Int
    let groups: [GroupSummary]
    let figure: String
    let data: String
  }
}
