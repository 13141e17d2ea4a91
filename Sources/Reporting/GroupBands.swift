import Charts
import LVISDatasets

extension CategoryGroups {
  /// The counts that a foreground group (0-based) holds: `≥ 1,000`, `10–99`, `< 10`.
  public func rangeText(ofGroup group: Int) -> String {
    let lower = lowerBound(ofGroup: group)
    guard let upper = upperBound(ofGroup: group) else {
      return group == 0 ? "all" : "≥ \(NumberText.grouped(lower))"
    }
    if group == 0 { return "< \(NumberText.grouped(upper))" }
    let last = NumberText.grouped(upper - 1)
    return lower == upper - 1 ? last : "\(NumberText.grouped(lower))–\(last)"
  }

  /// Class indices by descending count, ties by ascending category id.
  var classesByFrequency: [Int] {
    members.indices.sorted { (-groupingCount(of: $0), $0) < (-groupingCount(of: $1), $1) }
  }

  /// The groups as shaded ranges of an axis that numbers the classes from 1, the most frequent first.
  ///
  /// - Parameter domain: The whole axis, where the outer bands are to reach its ends.
  func bandsByRank(filling domain: ClosedRange<Double>? = nil) -> [ChartBand] {
    var start = 0.5
    var bands: [ChartBand] = []
    for group in classesByGroup.indices.reversed() where !classesByGroup[group].isEmpty {
      let count = classesByGroup[group].count
      bands.append(
        ChartBand(
          start...start + Double(count),
          labels: ["G\(group + 1): \(rangeText(ofGroup: group))", "G\(group + 1)"],
          isDark: group % 2 == 1))
      start += Double(count)
    }
    if let domain, let last = bands.indices.last {
      bands[0].range = domain.lowerBound...bands[0].range.upperBound
      bands[last].range = bands[last].range.lowerBound...domain.upperBound
    }
    return bands
  }

  /// The groups as shaded ranges of a logarithmic axis of counts, the rarest first.
  ///
  /// - Parameter domain: The whole axis; groups that lie outside are left out.
  func bandsByCount(filling domain: ClosedRange<Double>) -> [ChartBand] {
    classesByGroup.indices.compactMap { group in
      // Between two counts: a class on the boundary belongs to the group above.
      let start = group == 0 ? domain.lowerBound : max(domain.lowerBound, Double(lowerBound(ofGroup: group)) - 0.5)
      let end = upperBound(ofGroup: group).map { min(domain.upperBound, Double($0) - 0.5) } ?? domain.upperBound
      guard start < end else { return nil }
      return ChartBand(
        start...end, labels: ["G\(group + 1): \(rangeText(ofGroup: group))", "G\(group + 1)"], isDark: group % 2 == 1)
    }
  }
}
