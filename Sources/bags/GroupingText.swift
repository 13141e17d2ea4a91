import BalancedGroupSoftmax

/// The groups of a data set, in words and tables.
struct GroupingText {
  let path: String
  let groups: CategoryGroups
  private(set) var report: GroupingReport

  init(_ dataset: LVISDataset, path: String, groups: CategoryGroups) throws {
    self.path = path
    self.groups = groups
    report = try GroupingReport(dataset, groups: groups)
    report.warnings = report.warnings.map(\.withOption)
    let disagreeing = report.categoriesThatStateOtherCounts
    guard !disagreeing.isEmpty else { return }
    report.warnings.append(
      DataFinding.statedCounts(categoryIDs: disagreeing, of: groups.classCount, counted: report.countsFrom)
        .inFile(path))
  }

  /// The table, the histogram, and what was empty or odd.
  func rendered(width: Int) -> String {
    let from =
      report.countsFrom == .annotations
      ? "counted over \(grouped(report.annotations)) annotations" : "as the categories state them"
    let histogram = CountHistogram(
      counts: groups.members.indices.map { groups.groupingCount(of: $0) }, boundaries: groups.boundaries)
    var parts = [
      "\(path): \(grouped(report.categories)) categories, \(grouped(report.instances)) instances"
        + "\(report.images > 0 ? " on \(grouped(report.images)) images" : "") (\(from))",
      groups.table.rendered(),
      "classes by number of \(groups.countedBy.rawValue)\n" + histogram.rendered(width: width),
    ]
    if !remarks.isEmpty { parts.append(remarks.joined(separator: "\n")) }
    return parts.joined(separator: "\n\n")
  }

  /// The examples of each group, in words and a table.
  static func text(_ census: ExampleCensus) -> String {
    var table = TextTable([("group", .left), (census.kind, .right), ("classes without", .right)])
    for group in census.groups {
      table.add([group.name, grouped(group.examples), grouped(group.classesWithoutExamples)])
    }
    let ignored = census.ignored > 0 ? ", \(grouped(census.ignored)) ignored" : ""
    let empty =
      census.imagesWithoutForeground > 0
      ? "; \(grouped(census.imagesWithoutForeground)) images have none but background" : ""
    return "\(grouped(census.examples)) \(census.kind) of \(grouped(census.images)) images: "
      + "\(grouped(census.background)) background\(ignored)\(empty)\n" + table.rendered()
  }

  private var remarks: [String] {
    var remarks: [String] = []
    let empty = groups.members.filter { $0.instanceCount == 0 }
    if !empty.isEmpty {
      remarks.append("classes without an instance, in G1: \(grouped(empty.count)) (\(list(empty.map(\.name))))")
    }
    for group in report.groups where group.categories == 0 { remarks.append("no class in \(group.name)") }
    if report.imagesWithoutAnnotations > 0 {
      remarks.append(
        "images without an annotation: \(grouped(report.imagesWithoutAnnotations)) of \(grouped(report.images))")
    }
    if report.crowdsNotCounted > 0 {
      remarks.append("crowd annotations, not counted: \(grouped(report.crowdsNotCounted))")
    }
    return remarks
  }
}

/// The first few of a list.
private func list(_ items: [String]) -> String {
  items.prefix(5).joined(separator: ", ") + (items.count > 5 ? ", …" : "")
}
