import Charts
import LVISDatasets

extension CategoryGroups {
  /// The groups, background first, and what they hold; all classes last.
  public var table: TextTable {
    var table = TextTable([
      ("group", .left), ("\(countedBy.rawValue) per class", .left), ("classes", .right), ("instances", .right),
      ("share", .right),
    ])
    let summaries = summaries
    let total = summaries.reduce(0) { $0 + $1.instances }
    table.add(["G0", "background", "–", "–", "–"])
    for (group, summary) in summaries.enumerated() {
      table.add([
        summary.name, rangeText(ofGroup: group), NumberText.grouped(summary.categories),
        NumberText.grouped(summary.instances), Self.share(summary.instances, of: total),
      ])
    }
    table.add(["all", "", NumberText.grouped(classCount), NumberText.grouped(total), ""])
    return table
  }

  /// What a paper says above the table.
  public var tableCaption: String {
    "The \(NumberText.grouped(classCount)) classes in \(groupCount) groups by training \(countedBy.rawValue)."
  }

  /// A percentage to two digits that matter.
  private static func share(_ part: Int, of whole: Int) -> String {
    guard whole > 0 else { return "–" }
    let share = Double(part) / Double(whole)
    return NumberText.percent(share, digits: share < 0.0995 ? 2 : 1) + " %"
  }
}
