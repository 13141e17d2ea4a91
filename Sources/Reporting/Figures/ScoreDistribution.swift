import Charts
import Foundation
import LVISDatasets

/// The scores of detections of rare and frequent classes, counted in bins.
public struct ScoreDistribution: Sendable {
  /// The scores of one result, counted.
  public struct Result: Sendable {
    /// The name of the result in the figure.
    public let name: String
    /// The method behind the result, which decides the colour.
    public let method: String
    /// By category, then by bin.
    private var countsOfCategory: [Int: [Int]] = [:]

    /// Starts with no detection counted.
    public init(name: String, method: String) {
      self.name = name
      self.method = method
    }

    /// Counts a detection; one without a finite score is passed over.
    public mutating func add(score: Double, categoryID: Int) {
      guard score.isFinite else { return }
      countsOfCategory[categoryID, default: Array(repeating: 0, count: ScoreDistribution.binCount)][
        ScoreDistribution.bin(of: score)] += 1
    }

    /// The number of detections by the group of the class that they name, then by bin; those of a category without a group
    /// are left out.
    public func counts(in groups: CategoryGroups) -> [[Int]] {
      var counts = Array(repeating: Array(repeating: 0, count: ScoreDistribution.binCount), count: groups.groupCount)
      for member in groups.members {
        guard let own = countsOfCategory[member.id] else { continue }
        for (bin, count) in own.enumerated() { counts[member.group][bin] += count }
      }
      return counts
    }
  }

  /// The classes and their groups.
  public let groups: CategoryGroups
  /// The results, in the order in which they are drawn.
  public let results: [Result]

  private let counts: [[[Int]]]

  /// Makes a figure of results over the same groups.
  public init(groups: CategoryGroups, results: [Result]) {
    self.groups = groups
    self.results = results
    counts = results.map { $0.counts(in: groups) }
  }

  /// Ten bins a factor of ten, from 10⁻⁴, where detectors stop, to 1.
  static let binCount = 40

  static func bin(of score: Double) -> Int {
    guard score > 1e-4 else { return 0 }
    return min(binCount - 1, Int((log10(score) + 4) * 10))
  }

  /// The score at the lower end of a bin.
  static func lowerEnd(ofBin bin: Int) -> Double { pow(10, Double(bin) / 10 - 4) }

  /// The figure: the share of a group's detections in every bin of scores, a line a group for one result; a line a result
  /// for the rarest and the most frequent group where there are several.
  public var chart: Chart {
    let present = groups.classesByGroup.indices.filter { group in
      counts.contains { $0[group].contains { $0 > 0 } }
    }
    let panels: [ChartPanel]
    if results.count == 1 {
      let styles = SeriesStyle.styles(forParts: present.count + 1).dropFirst()
      let marks = zip(present, styles).compactMap { line(of: counts[0][$0], named: "G\($0 + 1)", style: $1) }
      panels = [panel("share of the group's detections", marks)]
    } else {
      let styles = SeriesStyle.styles(forMethods: results.map(\.method))
      panels = Set([present.first, present.last].compactMap { $0 }).sorted().map { group in
        let marks = zip(zip(results, counts), styles).compactMap { line(of: $0.1[group], named: $0.0.name, style: $1) }
        return panel("share of the detections of G\(group + 1): \(groups.rangeText(ofGroup: group))", marks)
      }
    }
    return Chart(
      "Scores of detections", subtitle: "by the group of the class that they name",
      caption:
        "Ten bins a factor of ten. Every detection of the results counts, right or wrong: "
        + "a classifier that suppresses rare classes scores them low, or does not name them at all.",
      x: Axis("score", scale: .log10, domain: 1e-4...1), panels: panels)
  }

  private func panel(_ title: String, _ marks: [Mark]) -> ChartPanel {
    let shares = marks.flatMap { mark -> [Double] in
      if case .line(let line) = mark { line.points.map(\.y) } else { [] }
    }
    return ChartPanel(y: .linear(title, covering: shares), height: 220, marks: marks, labelsLines: true)
  }

  private func line(of counts: [Int], named name: String, style: SeriesStyle) -> Mark? {
    let total = counts.reduce(0, +)
    guard total > 0 else { return nil }
    let points = counts.enumerated().map { bin, count in
      ChartPoint(Self.lowerEnd(ofBin: bin) * pow(10, 0.05), Double(count) / Double(total))
    }
    // A share of few detections says little: how many there are stands beside it.
    return .line(LineMark(points, named: "\(name), n = \(NumberText.grouped(total))", style: style))
  }

  /// One line a result, group and bin: `result,group,from,to,detections`.
  public var csv: String {
    var rows = [["result", "group", "from", "to", "detections"]]
    for (result, counts) in zip(results, counts) {
      for (group, counts) in counts.enumerated() {
        rows += counts.enumerated().map { bin, count in
          [
            result.name, "G\(group + 1)", NumberText.short(Self.lowerEnd(ofBin: bin)),
            NumberText.short(Self.lowerEnd(ofBin: bin + 1)), "\(count)",
          ]
        }
      }
    }
    return csvText(rows)
  }
}
