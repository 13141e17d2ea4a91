import DetectionHeads

/// AP of every class, of several runs over the same classes.
public struct ClassAPComparison: Sendable {
  /// One run's.
  public struct Result: Sendable {
    /// What to call it.
    public let name: String
    /// The method behind it; it decides the colour.
    public let method: String
    /// AP as a fraction, by category id; classes without objects in the evaluation are missing.
    public let values: [Int: Double]

    /// Makes a result.
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
    /// AP of the first result.
    public let before: Double
    /// AP of the last.
    public let after: Double
  }

  /// The classes and their training counts.
  public let groups: CategoryGroups
  /// The results, in the order in which they are drawn.
  public let results: [Result]

  /// Compares results.
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

  /// The figure: AP of every class over its rank by training count, with a running median a result.
  public var chart: Chart {
    let styles = SeriesStyle.styles(forMethods: results.map(\.method))
    let order = groups.classesByFrequency
    let window = max(5, groups.classCount / 20) | 1
    var points: [Mark] = []
    var medians: [Mark] = []
    for (result, style) in zip(results, styles) {
      let values = order.enumerated().compactMap { rank, index -> ChartPoint? in
        let member = groups.members[index]
        return result.values[member.id].map {
          ChartPoint(
            Double(rank + 1), 100 * $0,
            note: "\(member.name): \(NumberText.grouped(member.instanceCount)) instances, "
              + "AP \(NumberText.fixed(100 * $0, digits: 1)), \(result.name)")
        }
      }
      points.append(
        .points(PointMark(values, named: result.name, style: SeriesStyle(style.color), radius: 2.2, opacity: 0.4)))
      let smooth = zip(values, runningMedian(values.map(\.y), window: window)).map { ChartPoint($0.x, $1) }
      medians.append(.line(LineMark(smooth, named: result.name, style: style, width: 2.5)))
    }
    return Chart(
      "AP of every class", subtitle: "classes with objects in the evaluation, from the most frequent to the rarest",
      caption: "Each point is one class; lines are running medians over \(window) classes.",
      x: Axis(
        "classes, most training \(groups.countedBy.rawValue) first", domain: 0.5...Double(groups.classCount) + 0.5,
        ticks: rankTicks(classCount: groups.classCount), hasGrid: false),
      bands: groups.bandsByRank(),
      panels: [ChartPanel(y: Axis("AP, %", domain: 0...100), height: 280, marks: points + medians, labelsLines: true)])
  }
}
