import Charts
import LVISDatasets

extension CategoryGroups {
  /// The long tail: instances of every class over its rank, both logarithmic, groups shaded.
  ///
  /// - Parameter source: Where the counts come from, for the caption.
  public func frequencyChart(source: String = "") -> Chart {
    let order = classesByFrequency
    let counts = order.map { groupingCount(of: $0) }
    var axis = Axis.log10("training \(countedBy.rawValue) per class", covering: counts.map { Double($0) } + [1])
    if counts.contains(0) { axis.showZero() }
    let points = zip(order, counts).enumerated().map { rank, pair in
      let member = members[pair.0]
      return ChartPoint(
        Double(rank + 1), pair.1 == 0 ? 0.5 : Double(pair.1),
        note: "\(member.name): \(NumberText.grouped(member.instanceCount)) instances in "
          + "\(NumberText.grouped(member.imageCount)) images, G\(member.group + 1)")
    }
    let domain = 0.8...Double(classCount) * 1.05 + 0.5
    let total = members.reduce(0) { $0 + $1.instanceCount }
    return Chart(
      "Classes by frequency",
      subtitle: "\(NumberText.grouped(classCount)) classes, \(NumberText.grouped(total)) instances",
      caption: "Each point is one class. Both axes are logarithmic." + (source.isEmpty ? "" : " " + source),
      x: Axis(
        "rank of the class, most \(countedBy.rawValue) first", scale: .log10,
        domain: domain),
      bands: bandsByRank(filling: domain),
      panels: [
        ChartPanel(
          y: axis, height: 300,
          marks: [.points(PointMark(points, style: SeriesStyle(.blue), radius: 2.3, opacity: 0.7))])
      ])
  }

  /// One line a class, the most frequent first: `rank,class_id,name,instance_count,image_count,group`.
  public var frequencyCSV: String {
    let rows = classesByFrequency.enumerated().map { rank, index in
      let member = members[index]
      return [
        "\(rank + 1)", "\(member.id)", member.name, "\(member.instanceCount)", "\(member.imageCount)",
        "G\(member.group + 1)",
      ]
    }
    return csvText([["rank", "class_id", "name", "instance_count", "image_count", "group"]] + rows)
  }
}
