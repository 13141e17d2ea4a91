import BalancedGroupSoftmax
import DurableFiles

/// Precision over recall, as a file: CSV with a line a point, or JSON with a list a curve.
struct CurveTable {
  private let curves: [PrecisionRecallCurve]
  private let names: [Int: String]

  init(_ result: EvaluationResult) {
    curves = result.curves()
    names = Dictionary(result.classes.map { ($0.id, $0.name) }) { $1 }
  }

  func write(to path: String) throws {
    switch TableFormat(path: path) {
    case .json: try DurableFile.write(jsonText(entries) + "\n", to: path)
    case .csv, nil: try DurableFile.write(csv, to: path)
    }
  }

  private var csv: String {
    let recalls = PrecisionRecallCurve.recalls.enumerated().map {
      $0.offset == 100 ? "1" : "\(Double($0.offset) / 100)"
    }
    var text = csvText([["classes", "id", "name", "iou", "recall", "precision"]])
    for curve in curves {
      let threshold = curve.threshold.map { "\($0)" } ?? "mean"
      let subject: [String] =
        switch curve.subject {
        case .split(let split): ["\(split)", "", ""]
        case .category(let id): ["", "\(id)", names[id] ?? ""]
        }
      text += csvText(zip(recalls, curve.precisions).map { subject + [threshold, $0, "\($1)"] })
    }
    return text
  }

  private var entries: [CurveReport] { curves.map { CurveReport($0, names: names) } }
}
