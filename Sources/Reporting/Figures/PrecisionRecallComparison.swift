import Charts
import Foundation

/// Precision over recall, of one result by frequency or group, or of several results side by side.
public struct PrecisionRecallComparison: Sendable {
  /// One curve of a result.
  public struct Curve: Sendable, Equatable {
    /// The classes that it is the mean of: `all`, `r`, `c`, `f`, `G1` and so on.
    public let classes: String
    /// The IoU threshold; `nil` for the mean over all.
    public let threshold: Double?
    /// Precision at recall 0, .01, … 1.
    public let precisions: [Double]

    /// Makes a curve.
    public init(classes: String, threshold: Double?, precisions: [Double]) {
      self.classes = classes
      self.threshold = threshold
      self.precisions = precisions
    }
  }

  /// One result.
  public struct Result: Sendable {
    /// What to call it.
    public let name: String
    /// The method behind it; it decides the colour.
    public let method: String
    /// Its curves.
    public let curves: [Curve]

    /// Makes a result.
    public init(name: String, method: String, curves: [Curve]) {
      self.name = name
      self.method = method
      self.curves = curves
    }
  }

  /// The results, in the order in which they are drawn.
  public let results: [Result]

  /// Compares results.
  public init(_ results: [Result]) { self.results = results }

  /// The sets of classes that are drawn: all, then the groups, or the frequencies where there are none.
  public var classSets: [String] {
    let known = Set(results.flatMap { $0.curves.map(\.classes) })
    let groups = known.filter { $0.hasPrefix("G") && Int($0.dropFirst()) != nil }.sorted {
      ($0.count, $0) < ($1.count, $1)
    }
    let sets = groups.isEmpty ? ["r", "c", "f"].filter(known.contains) : groups
    return ["all"].filter(known.contains) + sets
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
        line(of: result, set, threshold, named: Self.name(ofSet: set), style: style)
      }
      let title = threshold.map { "precision at IoU \($0)" } ?? "precision, mean over the IoU thresholds"
      return marks.isEmpty ? nil : panel(title, marks)
    }
  }

  private var panelsOfSeveral: [ChartPanel] {
    let sets = classSets
    let styles = SeriesStyle.styles(forMethods: results.map(\.method))
    let groups = sets.filter { $0 != "all" }
    let shown =
      sets.filter { $0 == "all" }
      + Set([groups.first, groups.last].compactMap { $0 }).sorted {
        (groups.firstIndex(of: $0) ?? 0) < (groups.firstIndex(of: $1) ?? 0)
      }
    return shown.compactMap { set in
      let marks = zip(results, styles).compactMap { line(of: $0, set, nil, named: $0.name, style: $1) }
      return marks.isEmpty ? nil : panel("precision, \(Self.name(ofSet: set))", marks)
    }
  }

  private func panel(_ title: String, _ marks: [Mark]) -> ChartPanel {
    ChartPanel(y: Axis(title, domain: 0...1), height: 220, marks: marks, labelsLines: true)
  }

  private func line(
    of result: Result, _ set: String, _ threshold: Double?, named name: String, style: SeriesStyle
  ) -> Mark? {
    guard let curve = result.curves.first(where: { $0.classes == set && $0.threshold == threshold }),
      curve.precisions.count > 1
    else { return nil }
    let last = Double(curve.precisions.count - 1)
    let points = curve.precisions.enumerated().map { ChartPoint(Double($0) / last, $1) }
    return .line(LineMark(points, named: name, style: style, width: set == "all" && results.count == 1 ? 2.5 : 2))
  }

  private static func name(ofSet set: String) -> String {
    ["all": "all classes", "r": "rare", "c": "common", "f": "frequent"][set] ?? set
  }

  /// One line a point: `result,classes,iou,recall,precision`; `mean` for the mean over all thresholds.
  public var csv: String {
    var rows = [["result", "classes", "iou", "recall", "precision"]]
    for result in results {
      for curve in result.curves {
        let last = max(1, curve.precisions.count - 1)
        rows += curve.precisions.enumerated().map { place, precision in
          [
            result.name, curve.classes, curve.threshold.map { "\($0)" } ?? "mean",
            NumberText.short(Double(place) / Double(last)), "\(precision)",
          ]
        }
      }
    }
    return csvText(rows)
  }
}
