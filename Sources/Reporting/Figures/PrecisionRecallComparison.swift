import Charts
import LVISDatasets
import LVISEvaluation

/// Precision over recall, of one result by frequency or group, or of several results side by side.
public struct PrecisionRecallComparison: Sendable {
  /// The curves of one result.
  public struct Result: Sendable {
    /// The name of the result in figures and tables.
    public let name: String
    /// The method behind the result, which decides the colour.
    public let method: String
    /// The curves of precision over recall, of all classes, groups and frequencies.
    public let curves: [PrecisionRecallCurve]

    /// Makes a result from its curves.
    public init(name: String, method: String, curves: [PrecisionRecallCurve]) {
      self.name = name
      self.method = method
      self.curves = curves
    }
  }

  /// The results, in the order in which they are drawn.
  public let results: [Result]

  /// Compares results, drawn in the given order.
  public init(_ results: [Result]) { self.results = results }

  /// The sets of classes that are drawn: all, then the groups, or the frequencies where there are none.
  public var classSets: [ClassSplit] {
    ClassSplit.shown(of: results.flatMap { $0.curves.compactMap(\.split) })
  }

  /// The figure: for one result a line a set of classes, once for the mean over all IoU thresholds and once for .5; for
  /// several a line a result, for all classes, the rarest and the most frequent.
  public var chart: Chart {
    let panels = results.count == 1 ? panelsOfOne : panelsOfSeveral
    return Chart(
      "Precision and recall", subtitle: results.map(\.name).joined(separator: ", "),
      caption:
        "The highest precision at that recall or a higher one, the mean over the classes; the area below is the AP. "
        + "Where a curve falls to 0, no class recalls as much.",
      x: Axis("recall", domain: 0...1), panels: panels)
  }

  private var panelsOfOne: [ChartPanel] {
    let result = results[0]
    let sets = classSets
    return [nil, 0.5].compactMap { threshold in
      let marks = zip(sets, SeriesStyle.styles(forParts: sets.count)).compactMap { set, style in
        line(of: result, set, threshold, named: set.title, style: style)
      }
      let title = threshold.map { "precision at IoU \($0)" } ?? "precision, mean over the IoU thresholds"
      return marks.isEmpty ? nil : panel(title, marks)
    }
  }

  private var panelsOfSeveral: [ChartPanel] {
    let sets = classSets
    let styles = SeriesStyle.styles(forMethods: results.map(\.method))
    let groups = sets.filter { $0 != .all }
    let shown = sets.filter { [.all, groups.first, groups.last].contains($0) }
    return shown.compactMap { set in
      let marks = zip(results, styles).compactMap { line(of: $0, set, nil, named: $0.name, style: $1) }
      return marks.isEmpty ? nil : panel("precision, \(set.title)", marks)
    }
  }

  private func panel(_ title: String, _ marks: [Mark]) -> ChartPanel {
    ChartPanel(y: Axis(title, domain: 0...1), height: 220, marks: marks, labelsLines: true)
  }

  private func line(
    of result: Result, _ set: ClassSplit, _ threshold: Double?, named name: String, style: SeriesStyle
  ) -> Mark? {
    guard let curve = result.curves.first(where: { $0.split == set && $0.threshold == threshold }),
      curve.precisions.count > 1
    else { return nil }
    let last = Double(curve.precisions.count - 1)
    let points = curve.precisions.enumerated().map { ChartPoint(Double($0) / last, $1) }
    return .line(LineMark(points, named: name, style: style, width: set == .all && results.count == 1 ? 2.5 : 2))
  }

  /// One line a point: `result,classes,iou,recall,precision`; `mean` for the mean over all thresholds.
  public var csv: String {
    var rows = [["result", "classes", "iou", "recall", "precision"]]
    for result in results {
      for curve in result.curves {
        guard let split = curve.split else { continue }
        let last = max(1, curve.precisions.count - 1)
        rows += curve.precisions.enumerated().map { place, precision in
          [
            result.name, "\(split)", curve.threshold.map { "\($0)" } ?? "mean",
            NumberText.short(Double(place) / Double(last)), "\(precision)",
          ]
        }
      }
    }
    return csvText(rows)
  }
}

extension PrecisionRecallCurve {
  /// The classes that it is the mean of; `nil` for the curve of a single class.
  fileprivate var split: ClassSplit? { if case .split(let split) = subject { split } else { nil } }
}
