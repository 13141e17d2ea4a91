import Charts
import LVISEvaluation

extension ReportPage {
  /// Whether scores are to be trusted, of the results that were measured.
  func addReliability(to page: inout PageWriter) {
    let results = shown.compactMap { run in
      run.evaluation?.calibration.map {
        ReliabilityComparison.Result(name: run.name, method: run.method, rows: $0.rows)
      }
    }
    guard !results.isEmpty else { return }
    let comparison = ReliabilityComparison(results)
    page.section("Calibration") { page in
      page.figure(comparison.chart, csv: comparison.csv, named: "reliability")
      page.table(comparison.table, isWide: true)
      page.note(
        "In per cent. D-ECE: the mean distance of precision and score over the bins. LaECE: the same of each class's IoU. "
          + "oLRP: the lowest error of localization, recall and precision; the threshold is the score that is best for all "
          + "classes of the row together.")
    }
  }

  /// The likely label errors that the last results tell, drawn as boxes.
  func addLabelErrors(to page: inout PageWriter) {
    guard let run = shown.last(where: { $0.evaluation?.labelErrors != nil }),
      let errors = run.evaluation?.labelErrors
    else { return }
    page.section("Likely label errors") { page in
      page.paragraph(
        "What \(run.name) says beside the annotations, by detections of score \(NumberText.short(errors.confidence)) and "
          + "more.")
      var table = TextTable(
        [("annotations of", .left), ("count", .right)] + LabelErrors.Kind.allCases.map { ($0.rawValue, .right) })
      for row in errors.rows {
        table.add(
          [row.split.title, NumberText.grouped(row.annotationCount)]
            + LabelErrors.Kind.allCases.map { NumberText.grouped(row.counts[$0] ?? 0) })
      }
      page.table(table)
      for kind in LabelErrors.Kind.allCases {
        let findings = errors.findings.filter { $0.kind == kind }.prefix(8)
        guard !findings.isEmpty else { continue }
        page.heading(kind.title)
        page.frames(findings.map(BoxFrame.init))
      }
      page.note(
        "Each frame is an image: solid the annotation, dashed the detection or the other annotation that speaks against "
          + "it.")
    }
  }
}

extension LabelErrors.Kind {
  fileprivate var title: String {
    switch self {
    case .missing: "Confident detections that no annotation meets"
    case .contradicted: "Annotations that every confident detection contradicts"
    case .duplicate: "Annotations that stand twice"
    }
  }
}

extension BoxFrame {
  init(_ finding: LabelErrors.Finding) {
    let numbers = [
      finding.score.map { "score \(NumberText.short($0))" }, "IoU \(NumberText.short(finding.overlap))",
    ].compactMap(\.self)
    self.init(
      size: finding.imageSize, solid: finding.annotationID == nil ? nil : finding.box, dashed: finding.otherBox,
      caption: finding.remark,
      detail: "image \(finding.imageID)"
        + (finding.annotationID.map { ", annotation \($0)" } ?? "") + ", " + numbers.joined(separator: ", "))
  }
}
