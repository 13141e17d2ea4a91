import DurableFiles
import LVISEvaluation
import Reporting

/// Precision over recall, as a file: CSV with a line a point, or JSON with a list a curve.
struct CurveTable {
  private let curves: [PrecisionRecallCurve]
  private let names: [Int: String]

  init(_ result: EvaluationResult, includingClasses: Bool = true) {
    curves = result.curves(includingClasses: includingClasses)
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

  /// One curve, as JSON.
  struct Entry: Encodable {
    /// `all`, `r`, `G1`...; left out for a class.
    let classes: String?
    let id: Int?
    let name: String?
    /// Left out for the mean over all thresholds.
    let iou: Double?
    let classCount: Int
    /// At recall 0, .01, … 1.
    let precision: [Double]
  }

  var entries: [Entry] {
    curves.map { curve in
      switch curve.subject {
      case .split(let split):
        Entry(
          classes: "\(split)", id: nil, name: nil, iou: curve.threshold, classCount: curve.classCount,
          precision: curve.precisions)
      case .category(let id):
        Entry(
          classes: nil, id: id, name: names[id], iou: curve.threshold, classCount: curve.classCount,
          precision: curve.precisions)
      }
    }
  }
}
