import Charts
import LVISEvaluation

extension EvaluationDocument {
  /// One line a class: `id,name,frequency`, `group,instances` where classes have a group, `objects,detections`, its metrics as
  /// fractions, and `other_AP,difference,lower,upper` where there are other results; empty what cannot be measured.
  public var classCSV: String {
    let rows = classes ?? []
    let hasGroups = rows.contains { $0.group != nil }
    func number(_ value: Double?) -> String { value.map { "\($0)" } ?? "" }
    let header =
      ["id", "name", "frequency"] + (hasGroups ? ["group", "instances"] : []) + ["objects", "detections"]
      + (rows.first?.metrics.map(\.name) ?? [])
      + (comparison == nil ? [] : ["other_AP", "difference", "lower", "upper"])
    let lines = rows.map { row -> [String] in
      let compared = row.comparison
      return ["\(row.id)", row.name, row.frequency?.rawValue ?? ""]
        + (hasGroups
          ? [row.group.map { ClassSplit.group($0).description } ?? "", row.trainingInstances.map { "\($0)" } ?? ""]
          : [])
        + ["\(row.objectCount)", "\(row.detectionCount)"] + row.metrics.map { number($0.value) }
        + (comparison == nil
          ? []
          : [compared?.other, compared?.difference, compared?.interval?.first, compared?.interval?.last].map(number))
    }
    return csvText([header] + lines)
  }
}

extension EvaluationResult {
  /// Precision over recall, one line a point: `classes,id,name,iou,recall,precision`; `mean` for the mean over all IoU
  /// thresholds.
  public var curveCSV: String {
    let recalls = PrecisionRecallCurve.recalls.indices.map { $0 == 100 ? "1" : "\(Double($0) / 100)" }
    let lines = curves().map { curve in
      let subject: [String] =
        switch curve.subject {
        case .split(let split): ["\(split)", "", ""]
        case .category(let id, let name): ["", "\(id)", name]
        }
      let threshold = curve.threshold.map { "\($0)" } ?? "mean"
      return csvText(zip(recalls, curve.precisions).map { subject + [threshold, $0, "\($1)"] })
    }
    return csvText([["classes", "id", "name", "iou", "recall", "precision"]]) + lines.joined()
  }
}
