import DetectionHeads

extension CategoryGroups {
  /// What a foreground group (0-based) holds: `G4: ≥ 1,000`, `G2: 10–99`, `G1: < 10`.
  func rangeLabel(ofGroup group: Int) -> String {
    let lower = lowerBound(ofGroup: group)
    guard let upper = upperBound(ofGroup: group) else {
      return group == 0 ? "G1: all" : "G\(group + 1): ≥ \(NumberText.grouped(lower))"
    }
    if group == 0 { return "G1: < \(NumberText.grouped(upper))" }
    if lower == upper - 1 { return "G\(group + 1): \(NumberText.grouped(lower))" }
    return "G\(group + 1): \(NumberText.grouped(lower))–\(NumberText.grouped(upper - 1))"
  }

  /// The groups as shaded ranges of an axis that numbers the classes from 1, the most frequent first.
  func bandsByRank() -> [ChartBand] {
    var start = 0.5
    var bands: [ChartBand] = []
    for group in classesByGroup.indices.reversed() where !classesByGroup[group].isEmpty {
      let count = classesByGroup[group].count
      bands.append(
        ChartBand(
          start...start + Double(count), labels: [rangeLabel(ofGroup: group), "G\(group + 1)"], isDark: group % 2 == 1))
      start += Double(count)
    }
    return bands
  }
}
