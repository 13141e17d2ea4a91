import BalancedGroupSoftmax
import Foundation

/// What `bags check` found, for a terminal.
struct CheckText {
  let check: DataCheck

  init(_ check: DataCheck) { self.check = check }

  /// What the files hold, then the findings by severity.
  func rendered(width: Int) -> String {
    var sections = [summary.joined(separator: "\n")].filter { !$0.isEmpty }
    if let recall = check.features?.recall, recall.contains(where: { $0.objects > 0 }) {
      let examples = check.features?.kind == .queries ? "queries" : "proposals"
      sections.append("\(examples), recall at IoU .5 and .75\n" + table(of: recall).rendered())
    }
    for severity in DataFinding.Severity.allCases {
      let found = check.findings.filter { $0.severity == severity }
      guard !found.isEmpty else { continue }
      let title = "\(grouped(found.count)) \(severity.rawValue)\(found.count == 1 ? "" : "s")"
      sections.append(
        ([TerminalStyle.output.bold(title)] + found.map { lines(of: $0, width: width) }).joined(separator: "\n"))
    }
    if check.findings.isEmpty { sections.append("nothing is wrong or odd") }
    return sections.joined(separator: "\n\n")
  }

  private var summary: [String] {
    var lines: [String] = []
    if let annotations = check.annotations {
      lines.append(
        "\(annotations.path): \(grouped(annotations.images)) images, \(grouped(annotations.categories)) categories, "
          + "\(grouped(annotations.annotations)) annotations")
    }
    if let set = check.features {
      let each = set.roisPerImage
      let perImage =
        each.least == each.greatest
        ? "\(grouped(each.least)) an image"
        : "\(grouped(each.least))–\(grouped(each.greatest)) an image, the median \(grouped(each.median))"
      let foreground = set.foreground.map { " (\(grouped($0)) foreground)" } ?? ""
      let stages = set.stages > 1 ? " of \(set.stages) stages" : ""
      let maps = set.pooled.map { ", pooled maps of \($0)" } ?? ""
      lines.append(
        "\(set.path): \(grouped(set.rois)) \(set.kind.plural)\(foreground) of \(grouped(set.images)) images, "
          + "\(perImage); \(grouped(set.features)) features\(stages)\(maps), root mean square "
          + String(format: "%.3g", set.scale))
    }
    if let maps = check.maps {
      lines.append(
        "\(maps.path): feature maps of \(grouped(maps.images)) images, \(grouped(maps.locations)) locations on "
          + "\(maps.levels) levels, \(maps.channels) channels, \(maps.anchorsPerLocation) anchors a location")
    }
    if let results = check.results {
      let metrics = ["AP", "AP50", "APr", "APc", "APf"].compactMap { name in
        results.metrics[name].map { "\(name) \(EvaluationTables.percent($0))" }
      }
      lines.append("\(results.path): \(grouped(results.detections)) detections, \(metrics.joined(separator: ", "))")
    }
    if let head = check.head {
      lines.append(
        "\(head.path): \(head.method), a head of layout \(head.layout), \(grouped(head.classes)) classes, "
          + "\(grouped(head.inputs)) features")
    }
    return lines
  }

  private func table(of recall: [ProposalRecall]) -> TextTable {
    var table = TextTable([
      ("group", .left), ("objects", .right), ("found", .right), ("recall", .right), ("at .75", .right),
    ])
    for part in recall {
      table.add([
        part.name, grouped(part.objects), grouped(part.found), EvaluationTables.percent(part.recall),
        EvaluationTables.percent(part.closeRecall),
      ])
    }
    return table
  }

  /// A finding, folded: what, one example, what to do.
  private func lines(of finding: DataFinding, width: Int) -> String {
    var lines = [
      "  "
        + folded(
          (finding.file.map { "\($0): " } ?? "") + finding.message + " [\(finding.code)]", indent: 4, width: width)
    ]
    if let example = finding.example { lines.append("    such as  " + folded(example, indent: 13, width: width)) }
    if let remedy = finding.remedy { lines.append("    remedy   " + folded(remedy, indent: 13, width: width)) }
    return lines.joined(separator: "\n")
  }
}
