import Charts
import LVISDatasets
import LVISEvaluation

/// Precision over score, of one result by frequency or group, or of several results side by side: whether a score of .8 is
/// right in 80 of 100 cases.
public struct ReliabilityComparison: Sendable {
  /// The calibration of one result.
  public struct Result: Sendable {
    /// The name of the result in figures and tables.
    public let name: String
    /// The method behind the result, which decides the colour.
    public let method: String
    /// The rows of its calibration: all classes, frequencies and groups.
    public let rows: [DetectionCalibration.Row]

    /// Makes a result from the rows of its calibration.
    public init(name: String, method: String, rows: [DetectionCalibration.Row]) {
      (self.name, self.method, self.rows) = (name, method, rows)
    }
  }

  /// The results, in the order in which they are drawn.
  public let results: [Result]

  /// Compares results, drawn in the given order.
  public init(_ results: [Result]) { self.results = results }

  /// The sets of classes that are drawn: all, then the groups, or the frequencies where there are none.
  public var classSets: [ClassSplit] {
    ClassSplit.shown(of: results.flatMap { $0.rows.filter { $0.classCount > 0 }.map(\.split) })
  }

  /// The figure: for one result a line a set of classes; for several a line a result, for all classes, the rarest and the
  /// most frequent.
  public var chart: Chart {
    let sets = classSets
    let panels: [ChartPanel]
    if results.count == 1 {
      let marks = zip(sets, SeriesStyle.styles(forParts: sets.count)).compactMap { set, style in
        line(of: results[0], set, named: set.title, style: style)
      }
      panels = [panel("precision at IoU 0.5", marks)]
    } else {
      let styles = SeriesStyle.styles(forMethods: results.map(\.method))
      let groups = sets.filter { $0 != .all }
      panels = sets.filter { [.all, groups.first, groups.last].contains($0) }.compactMap { set in
        let marks = zip(results, styles).compactMap { line(of: $0, set, named: $0.name, style: $1) }
        return marks.isEmpty ? nil : panel("precision, \(set.title)", marks)
      }
    }
    return Chart(
      "Reliability of the scores", subtitle: results.map(\.name).joined(separator: ", "),
      caption:
        "The share of detections that are right at IoU .5, over their mean score, in ten bins of the score. Below the "
        + "grey diagonal scores promise too much, above it too little.",
      x: Axis("score", domain: 0...1), panels: panels)
  }

  private func panel(_ title: String, _ marks: [Mark]) -> ChartPanel {
    let diagonal = LineMark(
      [ChartPoint(0, 0), ChartPoint(1, 1)], style: SeriesStyle(.neutral, dash: .dotted), width: 1)
    return ChartPanel(y: Axis(title, domain: 0...1), height: 260, marks: [.line(diagonal)] + marks, labelsLines: true)
  }

  private func line(of result: Result, _ set: ClassSplit, named name: String, style: SeriesStyle) -> Mark? {
    guard let row = result.rows.first(where: { $0.split == set }), row.bins.count > 1 else { return nil }
    let points = row.bins.map {
      ChartPoint($0.meanScore, $0.precision, note: "\(name): \(NumberText.grouped($0.count)) detections")
    }
    return .line(LineMark(points, named: name, style: style, width: set == .all && results.count == 1 ? 2.5 : 2))
  }

  /// D-ECE, its maximum, LaECE, oLRP and its threshold of every result, a row a set of classes.
  public var table: TextTable {
    var table = TextTable(
      [("scores of", .left)] + (results.count > 1 ? [("result", .left)] : [])
        + ["detections", "mean score", "precision", "D-ECE", "maximum", "LaECE", "oLRP", "threshold"].map {
          ($0, .right)
        })
    for set in classSets {
      for result in results {
        guard let row = result.rows.first(where: { $0.split == set }), row.classCount > 0 else { continue }
        let shares = [
          row.meanScore, row.precision, row.expectedError, row.maximumError, row.localizationAwareError,
          row.optimal?.error,
        ]
        table.add(
          [set.title] + (results.count > 1 ? [result.name] : []) + [NumberText.grouped(row.detectionCount)]
            + shares.map { NumberText.percent($0, digits: 1) }
            + [row.optimal?.threshold.map { NumberText.short($0) } ?? "–"])
      }
    }
    return table
  }

  /// One line a bin: `result,classes,lower,upper,detections,mean_score,precision`.
  public var csv: String {
    csvText(
      [["result", "classes", "lower", "upper", "detections", "mean_score", "precision"]]
        + results.flatMap { result in
          result.rows.flatMap { row in
            row.bins.map { bin in
              [result.name, "\(row.split)"]
                + [NumberText.short(bin.lower), NumberText.short(bin.upper), "\(bin.count)", "\(bin.meanScore)"]
                + ["\(bin.precision)"]
            }
          }
        })
  }
}

extension ClassSplit {
  /// Those that figures show: all, then the groups, or the frequencies where there are none.
  static func shown(of splits: [ClassSplit]) -> [ClassSplit] {
    let known = Set(splits)
    let groups = known.compactMap { if case .group(let group) = $0 { group } else { nil } }.sorted()
    let frequencies = LVISFrequency.allCases.map { ClassSplit.frequency($0) }
    return ([.all] + (groups.isEmpty ? frequencies : groups.map { .group($0) })).filter(known.contains)
  }

  /// The name in figures.
  var title: String {
    switch self {
    case .all: "all classes"
    case .frequency(.rare): "rare"
    case .frequency(.common): "common"
    case .frequency(.frequent): "frequent"
    default: description
    }
  }
}
