import Charts

extension WeightNormComparison {
  /// The figure: above, how many instances each class has; below, the norm of each class's row as a point, with a
  /// running median a head. Groups are shaded. Background rows stand in a column of their own to the left, `others` rows
  /// in the middle of their group.
  ///
  /// - Parameter source: Where heads and counts come from, for the caption.
  public func chart(source: String = "") -> Chart {
    let styles = SeriesStyle.styles(forMethods: heads.map(\.method))
    let classCount = Double(groups.classCount)
    let hasBackground = heads.contains { $0.background != nil }
    let column = hasBackground ? max(1, classCount * 0.07) : 0
    var bands = groups.bandsByRank()
    if hasBackground { bands.insert(ChartBand(0.5 - column...0.5, labels: ["G0"], isDark: false), at: 0) }

    let norms = heads.flatMap { $0.classes + [$0.background].compactMap { $0 } + $0.others }
    let caption =
      "Each point is one class's row of the last layer; lines are running medians over \(medianWindow) classes. "
      + "ρ is Spearman's rank correlation of norm and instance count." + (source.isEmpty ? "" : " " + source)
    return Chart(
      "Weight norms of the classifier by class frequency",
      subtitle: "\(NumberText.grouped(groups.classCount)) classes, from the most frequent to the rarest",
      caption: caption,
      x: Axis(
        "classes, most \(groups.countedBy.rawValue) first", domain: 0.5 - column...classCount + 0.5,
        ticks: rankTicks(classCount: groups.classCount), hasGrid: false),
      bands: bands,
      panels: [
        countPanel(),
        ChartPanel(
          y: .linear("‖w‖₂, length of the weight row", covering: norms), height: 300,
          marks: pointMarks(styles: styles, column: column) + medianMarks(styles: styles), labelsLines: heads.count > 1),
      ], keys: keys(hasBackground: hasBackground))
  }

  private func countPanel() -> ChartPanel {
    let counts = order.map { groups.groupingCount(of: $0) }
    var axis = Axis.log10("training \(groups.countedBy.rawValue) per class", covering: counts.map { Double($0) } + [1])
    if counts.contains(0) { axis.showZero() }
    let points = zip(order.indices, counts).map { rank, count in
      ChartPoint(Double(rank + 1), count == 0 ? 0.5 : Double(count))
    }
    return ChartPanel(y: axis, height: 90, marks: [.area(AreaMark(points, style: SeriesStyle(.neutral)))])
  }

  private func pointMarks(styles: [SeriesStyle], column: Double) -> [Mark] {
    let opacity = heads.count == 1 ? 0.55 : 0.4
    let radius = groups.classCount > 600 ? 1.8 : 2.3
    let bands = groups.bandsByRank()
    return zip(heads, styles).enumerated().flatMap { index, pair -> [Mark] in
      let (head, style) = pair
      let points = zip(order.indices, order).map { rank, classIndex in
        let member = groups.members[classIndex]
        return ChartPoint(
          Double(rank + 1), head.classes[classIndex],
          note: "\(member.name): \(NumberText.grouped(member.instanceCount)) instances, "
            + "‖w‖ \(NumberText.fixed(head.classes[classIndex], digits: 3)), \(head.name)")
      }
      // Heads side by side, so that their single rows do not cover each other.
      let share = Double(index + 1) / Double(heads.count + 1)
      let background = head.background.map {
        ChartPoint(
          0.5 - column + column * share, $0,
          note: "background: ‖w‖ \(NumberText.fixed($0, digits: 3)), \(head.name)")
      }
      let others = zip(groups.classesByGroup.indices, head.others).compactMap { group, norm -> ChartPoint? in
        // Bands run from the last group to the first and leave out empty ones.
        let after = groups.classesByGroup[group...].filter { !$0.isEmpty }.count
        guard !groups.classesByGroup[group].isEmpty else { return nil }
        let range = bands[after - 1].range
        return ChartPoint(
          (range.lowerBound + range.upperBound) / 2 + (share - 0.5) * column * 0.8, norm,
          note: "others of G\(group + 1): ‖w‖ \(NumberText.fixed(norm, digits: 3)), \(head.name)")
      }
      var diamond = style
      diamond.shape = .diamond
      var square = style
      square.shape = .square
      return [
        .points(
          PointMark(points, named: label(index), style: SeriesStyle(style.color), radius: radius, opacity: opacity)),
        .points(PointMark([background].compactMap { $0 }, style: diamond, radius: 4.5)),
        .points(PointMark(others, style: square, radius: 4, isFilled: false)),
      ]
    }
  }

  private func medianMarks(styles: [SeriesStyle]) -> [Mark] {
    zip(heads, styles).enumerated().map { index, pair in
      let medians = runningMedian(order.map { pair.0.classes[$0] }, window: medianWindow)
      let points = zip(order.indices, medians).map { ChartPoint(Double($0 + 1), $1) }
      return .line(LineMark(points, named: label(index), style: pair.1, width: 2.5))
    }
  }

  /// What a head is called in the figure: its name and its rank correlation.
  private func label(_ index: Int) -> String {
    let counts = groups.members.map { Double($0.instanceCount) }
    let correlation = rankCorrelation(heads[index].classes, counts)
    return heads[index].name + (correlation.map { ", ρ = \(signed($0))" } ?? ", ρ undefined")
  }

  private func keys(hasBackground: Bool) -> [LegendKey] {
    var keys: [LegendKey] = []
    if hasBackground { keys.append(LegendKey("background (G0)", .point(.diamond, isFilled: true))) }
    if heads.contains(where: { !$0.others.isEmpty }) {
      keys.append(LegendKey("others, one a group", .point(.square, isFilled: false)))
    }
    return keys
  }
}

/// Ranks to name on an axis from the first class to the last: both, and round ones between.
func rankTicks(classCount: Int) -> [AxisTick] {
  let round = linearTicks(in: 0...Double(max(1, classCount)), count: 8).filter { $0.value >= 2 }
  return [AxisTick(1, "1")] + round
}

/// A correlation with two decimals and a real minus sign.
private func signed(_ value: Double) -> String {
  NumberText.fixed(value, digits: 2).replacing("-", with: "−")
}
