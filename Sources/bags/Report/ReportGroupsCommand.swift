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
  @OptionGroup var format: FormatOptions

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
          categories: groups.classCount, groups: GroupRow.rows(of: groups), figure: paths.figure, data: paths.data))
    } else {
      StandardStreams.result(GroupRow.table(of: groups) + "\n\n" + paths.lines)
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
    let groups: [GroupRow]
    let figure: String
    let data: String
  }
}

/// A group and what it holds, for JSON and tables.
struct GroupRow: Encodable {
  let name: String
  let lower: Int
  let upper: Int?
  let categories: Int
  let instances: Int

  /// Every foreground group.
  static func rows(of groups: CategoryGroups) -> [GroupRow] {
    groups.classesByGroup.enumerated().map { group, members in
      GroupRow(
        name: "G\(group + 1)", lower: groups.lowerBound(ofGroup: group), upper: groups.upperBound(ofGroup: group),
        categories: members.count, instances: members.reduce(0) { $0 + groups.members[$1].instanceCount })
    }
  }

  /// The groups as a table for the terminal.
  static func table(of groups: CategoryGroups) -> String {
    var table = TextTable([
      ("group", .left), ("\(groups.countedBy.rawValue) per class", .left), ("classes", .right),
      ("instances in all", .right),
    ])
    for (group, row) in rows(of: groups).enumerated() {
      table.add([
        row.name, groups.rangeText(ofGroup: group), NumberText.grouped(row.categories),
        NumberText.grouped(row.instances),
      ])
    }
    return table.rendered()
  }

  private enum CodingKeys: CodingKey { case name, lower, upper, categories, instances }

  /// An open upper bound is `null`, not left out.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    try container.encode(lower, forKey: .lower)
    try container.encode(upper, forKey: .upper)
    try container.encode(categories, forKey: .categories)
    try container.encode(instances, forKey: .instances)
  }
}
