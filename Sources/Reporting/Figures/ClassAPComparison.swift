import Charts
import LVISDatasets

/// AP of every class, of several runs over the same classes.
public struct ClassAPComparison: Sendable {
  /// The AP of every class, of one run.
  public struct Result: Sendable {
    /// The name of the run in figures and tables.
    public let name: String
    /// The method behind the run, which decides the colour.
    public let method: String
    /// AP as a fraction, by category id; classes without objects in the evaluation are missing.
    public let values: [Int: Double]

    /// Makes a run's AP from values by category id.
    public init(name: String, method: String, values: [Int: Double]) {
      self.name = name
      self.method = method
      self.values = values
    }
  }

  /// A class and how its AP changed.
  public struct Change: Sendable, Equatable {
    /// The index of the class.
    public let classIndex: Int
    /// The AP of the first result.
    public let before: Double
    /// The AP of the last result.
    public let after: Double
  }

  /// The classes and their training counts.
  public let groups: CategoryGroups
  /// The results, in the order in which they are drawn.
  public let results: [Result]

  /// Compares results over the classes of `groups`; the first is the one that changes are taken from.
  public init(groups: CategoryGroups, results: [Result]) {
    self.groups = groups
    self.results = results
  }

  /// The classes whose AP rose or fell the most from the first result to the last.
  ///
  /// - Parameters:
  ///   - count: How many at most.
  ///   - gained: Those that rose, or those that fell.
  /// - Returns: The largest change first; ties by ascending category id.
  public func largestChanges(_ count: Int, gained: Bool) -> [Change] {
    guard results.count > 1, let first = results.first, let last = results.last else { return [] }
    let changes = groups.members.indices.compactMap { index -> Change? in
      let id = groups.members[index].id
      guard let before = first.values[id], let after = last.values[id] else { return nil }
      return gained == (after > before) && after != before
        ? Change(classIndex: index, before: before, after: after) : nil
    }
    return Array(
      changes.sorted { (-abs($0.after - $0.before), $0.classIndex) < (-abs($1.after - $1.before), $1.classIndex) }
        .prefix(max(0, count)))
  }

  /// The number of the largest changes that a figure marks on either side.
  public static let markedChanges = 10

  /// The figure: AP of every class over its training count, with a running median a result; where there are several,
  /// below it how every class changed from the first to the last, the largest changes marked.
  public var chart: Chart {
    let styles = SeriesStyle.styles(forMethods: results.map(\.method))
    let counts = groups.members.indices.map { Double(groups.groupingCount(of: $0)) }
    var across = Axis.log10("training \(groups.countedBy.rawValue) per class", covering: counts + [1])
    if counts.contains(0) { across.showZero() }
    var points: [Mark] = []
    var medians: [Mark] = []
    for (result, style) in zip(results, styles) {
      let values = order.compactMap { index in point(of: index, result: result) }
      points.append(
        .points(PointMark(values, named: result.name, style: SeriesStyle(style.color), radius: 2.2, opacity: 0.4)))
      medians.append(.line(LineMark(smoothed(values), named: result.name, style: style, width: 2.5)))
    }
    var panels = [
      ChartPanel(y: Axis("AP, %", domain: 0...100), height: 280, marks: points + medians, labelsLines: true)
    ]
    if results.count > 1 { panels.append(changePanel) }
    return Chart(
      "AP of every class", subtitle: "classes with objects in the evaluation",
      caption: "Each point is one class; lines are running medians over \(window) classes."
        + (results.count > 1 ? " Triangles: the classes that changed most." : ""),
      x: across, bands: groups.bandsByCount(filling: across.domain), panels: panels)
  }

  private var window: Int { max(5, groups.classCount / 20) | 1 }

  /// Class indices by ascending count.
  private var order: [Int] { groups.classesByFrequency.reversed() }

  private func place(_ index: Int) -> Double { max(0.5, Double(groups.groupingCount(of: index))) }

  private func point(of index: Int, result: Result) -> ChartPoint? {
    let member = groups.members[index]
    return result.values[member.id].map {
      ChartPoint(
        place(index), 100 * $0,
        note: "\(member.name): \(NumberText.grouped(member.instanceCount)) instances, "
          + "AP \(NumberText.fixed(100 * $0, digits: 1)), \(result.name)")
    }
  }

  /// Running medians; classes of the same count share the mean of theirs, so that the line does not go up and down there.
  private func smoothed(_ values: [ChartPoint]) -> [ChartPoint] {
    var points: [(x: Double, medians: [Double])] = []
    for (value, median) in zip(values, runningMedian(values.map(\.y), window: window)) {
      if points.last?.x == value.x {
        points[points.count - 1].medians.append(median)
      } else {
        points.append((value.x, [median]))
      }
    }
    return points.map { ChartPoint($0.x, mean($0.medians) ?? 0) }
  }

  private var changePanel: ChartPanel {
    let gained = largestChanges(Self.markedChanges, gained: true)
    let lost = largestChanges(Self.markedChanges, gained: false)
    let marked = Set((gained + lost).map(\.classIndex))
    let all = largestChanges(.max, gained: true) + largestChanges(.max, gained: false)
    func points(_ changes: [Change]) -> [ChartPoint] {
      changes.map { change in
        let member = groups.members[change.classIndex]
        return ChartPoint(
          place(change.classIndex), 100 * (change.after - change.before),
          note: "\(member.name): \(NumberText.grouped(member.instanceCount)) instances, AP "
            + "\(NumberText.fixed(100 * change.before, digits: 1)) → \(NumberText.fixed(100 * change.after, digits: 1))"
        )
      }
    }
    let names = (results.first?.name ?? "", results.last?.name ?? "")
    let gainedStyle = SeriesStyle(.green, shape: .triangle)
    let lostStyle = SeriesStyle(.vermillion, shape: .invertedTriangle)
    return ChartPanel(
      y: .linear("change of AP in points, \(names.1) − \(names.0)", covering: points(all).map(\.y)), height: 180,
      marks: [
        .rule(RuleMark(.horizontal, at: 0, style: SeriesStyle(.neutral))),
        .points(
          PointMark(
            points(all.filter { !marked.contains($0.classIndex) }), style: SeriesStyle(.neutral), radius: 2,
            opacity: 0.5)),
        .points(PointMark(points(gained), named: "gained most", style: gainedStyle, radius: 4.5)),
        .points(PointMark(points(lost), named: "lost most", style: lostStyle, radius: 4.5)),
      ])
  }
}
