import BalancedGroupSoftmax
import Foundation

/// The classes of a data set by group, and what was empty or odd.
struct CategoryCensus {
  let path: String
  let groups: CategoryGroups
  let source: CountsSource
  /// Instances of every foreground group.
  let instances: [Int]
  let imageCount: Int
  let annotationCount: Int
  /// Classes without an instance.
  let empty: [CategoryGroups.Member]
  /// Ids of classes that state another count than their annotations give.
  let disagreeing: [Int]
  let imagesWithoutAnnotations: Int
  let crowds: Int
  let duplicates: [Int]
  /// What the user should look into.
  let warnings: [DataFinding]

  /// - Throws: `CommandFailure` where the counts are not there.
  init(
    _ dataset: LVISDataset, path: String, boundaries: GroupBoundaries, countedBy: CategoryGroups.CountedBy,
    countsFrom: CountsSource?
  ) throws {
    self.path = path
    source = countsFrom ?? dataset.defaultCountsSource
    let counted = dataset.annotations.isEmpty ? nil : try dataset.categoryCounts(from: .annotations)
    do {
      let counts = source == .annotations ? counted : nil
      groups = try CategoryGroups(
        counts: counts ?? dataset.categoryCounts(from: source), boundaries: boundaries, countedBy: countedBy,
        countsSource: source)
    } catch let error as CategoryGroupsError {
      throw CommandFailure("\(path): \(error)")
    }
    let members = groups.members
    instances = groups.classesByGroup.map { $0.reduce(0) { $0 + members[$1].instanceCount } }
    empty = members.filter { $0.instanceCount == 0 }
    disagreeing = counted.map { dataset.categoriesThatStateOtherCounts(than: $0) } ?? []
    imageCount = dataset.images.count
    annotationCount = dataset.annotations.count
    crowds = dataset.annotations.count(where: \.isCrowd)
    imagesWithoutAnnotations = dataset.annotations.isEmpty ? 0 : Self.countImagesWithoutAnnotations(dataset)
    duplicates = dataset.duplicateAnnotationIDs
    let source = source
    warnings =
      dataset.findings().filter { Self.concernsCounting($0, countedFrom: source) }
      + Self.disagreement(disagreeing, source, classCount: groups.classCount, path)
  }

  private static func countImagesWithoutAnnotations(_ dataset: LVISDataset) -> Int {
    let index = dataset.imageIndex()
    var isAnnotated = [Bool](repeating: false, count: dataset.images.count)
    for annotation in dataset.annotations {
      if let position = index.position(of: annotation.imageID) { isAnnotated[position] = true }
    }
    return isAnnotated.count { !$0 }
  }

  /// Whether a finding bears on counts, and not only on what counting does not need.
  private static func concernsCounting(_ finding: DataFinding, countedFrom source: CountsSource) -> Bool {
    let unneeded: [DataFinding.Code] = [
      .annotationsWithoutID, .annotationsWithoutArea, .imagesWithoutSize,
    ]
    if finding.code == .noAnnotations { return source == .annotations }
    return !finding.concernsScoringOnly && !unneeded.contains(finding.code)
  }

  private static func disagreement(
    _ ids: [Int], _ source: CountsSource, classCount: Int, _ path: String
  ) -> [DataFinding] {
    guard !ids.isEmpty else { return [] }
    let other = source == .annotations ? CountsSource.categories : .annotations
    return [
      DataFinding(
        .statedCounts, count: ids.count,
        "instance_count differs from the number of annotations for \(ids.count) of \(classCount) categories (ids "
          + "\(list(ids.map(String.init)))); the \(source.rawValue) were counted",
        remedy: "--counts-from \(other.rawValue) decides otherwise", file: path)
    ]
  }

  /// The table, the histogram, and what was empty or odd.
  func rendered(width: Int) -> String {
    let from =
      source == .annotations ? "counted over \(grouped(annotationCount)) annotations" : "as the categories state them"
    var parts = [
      "\(path): \(grouped(groups.classCount)) categories, \(grouped(instances.reduce(0, +))) instances"
        + "\(imageCount > 0 ? " on \(grouped(imageCount)) images" : "") (\(from))",
      table.rendered(),
      "classes by number of \(groups.countedBy.rawValue)\n"
        + CountHistogram(
          counts: groups.members.map { groups.countedBy == .instances ? $0.instanceCount : $0.imageCount },
          boundaries: groups.boundaries
        ).rendered(width: width),
    ]
    if !remarks.isEmpty { parts.append(remarks.joined(separator: "\n")) }
    return parts.joined(separator: "\n\n")
  }

  private var table: TextTable {
    var table = TextTable([
      ("group", .left), (groups.countedBy.rawValue, .left), ("classes", .right), ("instances", .right),
      ("share", .right),
    ])
    let total = instances.reduce(0, +)
    table.add(["G0", "background", "–", "–", "–"])
    for group in instances.indices {
      let lower = grouped(groups.lowerBound(ofGroup: group))
      let range = groups.upperBound(ofGroup: group).map { "\(lower)–\(grouped($0 - 1))" } ?? "\(lower) or more"
      let share = total == 0 ? "–" : percent(instances[group], of: total)
      table.add([
        "G\(group + 1)", range, grouped(groups.classesByGroup[group].count), grouped(instances[group]), share,
      ])
    }
    table.add(["all", "", grouped(groups.classCount), grouped(total), ""])
    return table
  }

  private var remarks: [String] {
    var remarks: [String] = []
    if !empty.isEmpty {
      remarks.append(
        "classes without an instance, in G1: \(grouped(empty.count)) (\(list(empty.map(\.name))))")
    }
    for group in instances.indices where groups.classesByGroup[group].isEmpty {
      remarks.append("no class in G\(group + 1)")
    }
    if imagesWithoutAnnotations > 0 {
      remarks.append("images without an annotation: \(grouped(imagesWithoutAnnotations)) of \(grouped(imageCount))")
    }
    if crowds > 0 { remarks.append("crowd annotations, not counted: \(grouped(crowds))") }
    return remarks
  }
}

extension DataFinding.Code {
  /// Categories whose stated counts are not those of their annotations.
  fileprivate static let statedCounts = Self(rawValue: "stated-counts")
}

/// The first few of a list.
private func list(_ items: [String]) -> String {
  items.prefix(5).joined(separator: ", ") + (items.count > 5 ? ", …" : "")
}

/// A share to two digits that matter.
private func percent(_ part: Int, of whole: Int) -> String {
  let share = 100 * Double(part) / Double(whole)
  return String(format: share < 9.95 ? "%.2f %%" : "%.1f %%", share)
}
