import BalancedGroupSoftmax

/// What an evaluation says of trust, as tables for the terminal: scores as probabilities, sizes and aspects, slices.
enum TrustTables {
  /// A row a frequency or group.
  static func calibration(_ calibration: DetectionCalibration) -> [ResultSection] {
    func percent(_ value: Double?) -> String { EvaluationTables.percent(value) }
    var errors = TextTable(
      [("scores of", .left)]
        + ["detections", "mean score", "precision", "D-ECE", "maximum", "LaECE"].map { ($0, .right) })
    var optimal = TextTable(
      [("oLRP", .left)]
        + ["classes", "oLRP", "localization", "false positives", "false negatives", "threshold"].map { ($0, .right) })
    for row in calibration.rows where row.classCount > 0 {
      errors.add([
        "\(row.split)", grouped(row.detectionCount), percent(row.meanScore), percent(row.precision),
        percent(row.expectedError), percent(row.maximumError), percent(row.localizationAwareError),
      ])
      optimal.add([
        "\(row.split)", grouped(row.classCount), percent(row.optimal?.error), percent(row.optimal?.localization),
        percent(row.optimal?.falsePositive), percent(row.optimal?.falseNegative),
        row.optimal?.threshold.map { NumberText.short($0) } ?? "–",
      ])
    }
    return [
      .table(
        errors,
        caption: "Calibration of the scores in per cent: where the mean score is above the precision, they promise too "
          + "much."),
      .table(
        optimal,
        caption:
          "Optimal LRP error and its parts in per cent, the mean over classes, and the score threshold that is best "
          + "for all of them together."),
    ]
  }

  /// A row a frequency or group, a column a range.
  static func shapes(_ shapes: ShapeBreakdown) -> ResultSection {
    // A user's size may have the name of an aspect.
    let ranges = shapes.rows.filter { $0.split == shapes.rows.first?.split }.map(\.range)
    var splits: [ClassSplit] = []
    for row in shapes.rows where !splits.contains(row.split) { splits.append(row.split) }
    var table = TextTable([("AP (objects)", .left)] + ranges.map { ($0, .right) })
    for split in splits {
      let rows = shapes.rows.filter { $0.split == split }
      table.add(
        ["\(split)"] + rows.map { "\(EvaluationTables.percent($0.averagePrecision)) (\(grouped($0.objectCount)))" })
    }
    return .table(table, caption: "AP in per cent and the number of objects by their size and aspect.")
  }

  /// A row a frequency or group, and the surest findings.
  static func labelErrors(_ errors: LabelErrors) -> [ResultSection] {
    var table = TextTable(
      [("annotations of", .left), ("count", .right)] + LabelErrors.Kind.allCases.map { ($0.rawValue, .right) })
    for row in errors.rows {
      table.add(
        ["\(row.split)", grouped(row.annotationCount)] + LabelErrors.Kind.allCases.map { grouped(row.counts[$0] ?? 0) })
    }
    var sections = [
      ResultSection.table(
        table, caption: "Likely label errors, by detections of score \(NumberText.short(errors.confidence)) and more.")
    ]
    guard !errors.findings.isEmpty else { return sections }
    var surest = TextTable([
      ("likely label error", .left), ("image", .right), ("annotation", .right), ("score", .right), ("IoU", .right),
    ])
    for kind in LabelErrors.Kind.allCases {
      for finding in errors.findings.lazy.filter({ $0.kind == kind }).prefix(5) {
        surest.add([
          "\(kind.rawValue): \(finding.remark)", "\(finding.imageID)", finding.annotationID.map { "\($0)" } ?? "–",
          finding.score.map { NumberText.short($0) } ?? "–", NumberText.short(finding.overlap),
        ])
      }
    }
    sections.append(.table(surest, caption: "The surest of each kind."))
    return sections
  }

  /// A table an attribute, a row a slice.
  static func slices(_ slices: [SliceScores]) -> [ResultSection] {
    var attributes: [String] = []
    for slice in slices where !attributes.contains(slice.attribute) { attributes.append(slice.attribute) }
    return attributes.map { attribute in
      let rows = slices.filter { $0.attribute == attribute }
      let shown = rows[0].metrics.map(\.name).filter { name in
        name.hasPrefix("AP") && rows.contains { $0[name] != nil }
      }
      var table = TextTable(
        [(attribute, .left), ("images", .right), ("objects", .right)] + shown.map { ($0, .right) })
      for row in rows {
        table.add(
          cells: [
            TextTable.Cell(row.value), TextTable.Cell(grouped(row.imageCount)),
            TextTable.Cell(grouped(row.objectCount)),
          ]
            + shown.map { name in
              let bounds = row.intervals?.metrics[name]
              return TextTable.Cell(
                EvaluationTables.percent(row[name]),
                detail: bounds == nil ? "" : " (\(EvaluationTables.range(bounds)))")
            })
      }
      let drawn =
        rows[0].intervals.map { ", with 95 % intervals over \(grouped($0.replicates)) draws of its images" } ?? ""
      return .table(table, caption: "Metrics in per cent by \(attribute)\(drawn).")
    }
  }
}
