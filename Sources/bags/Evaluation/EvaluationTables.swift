import Foundation
import LVISEvaluation

/// An evaluation as tables for the terminal; percentages, and a dash where there is nothing to measure.
enum EvaluationTables {
  static func percent(_ value: Double?) -> String {
    guard let value, value > -1 else { return "–" }
    return String(format: "%.2f", value * 100)
  }

  static func metrics(_ result: EvaluationResult) -> String {
    var table = TextTable([("metric", .left), ("%", .right)])
    for metric in result.metrics { table.add([metric.name, percent(metric.value)]) }
    return table.rendered()
  }

  static func classes(_ result: EvaluationResult) -> String {
    let names = result.classes.first?.metrics.map(\.name) ?? []
    var table = TextTable(
      [("id", .right), ("class", .left), ("f", .left), ("objects", .right), ("detections", .right)]
        + names.map { ($0, .right) })
    for row in result.classes {
      table.add(
        ["\(row.id)", row.name, row.frequency?.rawValue ?? "–", "\(row.objectCount)", "\(row.detectionCount)"]
          + row.metrics.map { percent($0.value) })
    }
    return table.rendered()
  }
}
