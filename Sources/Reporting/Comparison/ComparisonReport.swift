import Charts
import DetectionHeads
import LVISDatasets
import MethodComparison
import TrainingRuns

/// The document, the table and the weight norms of a comparison.
public struct ComparisonReport: Sendable {
  /// The results of the comparison.
  public let result: ComparedResults
  /// The numbers, as `comparison.json` keeps them.
  public let document: ComparisonDocument
  /// The weight norms of every method's first seed; `nil` where no method has a head.
  public let norms: WeightNormComparison?
  /// The weight norms that a figure has room for: of the first method and the best of the others by AP, in their order.
  public let shownNorms: WeightNormComparison?
  /// The curves of all runs.
  public let curves: ComparisonCurves
  /// By method, then seed.
  private let normCorrelations: [[Double?]]

  /// Makes the report, for which the heads of all runs are read.
  ///
  /// - Parameters:
  ///   - result: The results of the comparison.
  ///   - groups: The classes and their groups.
  ///   - program: The program and its version.
  ///   - inputs: What was read, by the names of options; empty for data that no file holds.
  ///   - command: The command as it was typed; `nil` where there was none.
  /// - Throws: What reading the runs throws.
  public init(
    _ result: ComparedResults, groups: CategoryGroups, program: String, inputs: [String: RunRecord.Input] = [:],
    command: String? = nil
  ) throws {
    let counts = groups.members.map { Double($0.instanceCount) }
    let heads = try result.rows.map { row in
      try row.outcomes.map {
        HeadNorms(name: row.name, head: try LinearHead(contentsOf: $0.run.headPath), groups: groups)
      }
    }
    normCorrelations = heads.map { $0.map { rankCorrelation($0.classes, counts) } }
    self.result = result
    curves = try ComparisonCurves(of: result)
    let records = result.rows.flatMap { $0.outcomes.compactMap { try? $0.run.record() } }
    document = ComparisonDocument(
      result, normCorrelations: normCorrelations, groups: groups, program: program,
      reproducibility: Reproducibility(
        of: records, tuned: result.rows.compactMap(\.tuning), seeds: result.seeds, inputs: inputs, command: command))
    func comparison(_ rows: [Int]) throws -> WeightNormComparison? {
      let first = rows.compactMap { heads[$0].first }
      return first.isEmpty ? nil : try WeightNormComparison(groups: groups, heads: first)
    }
    let trained = heads.indices.filter { !heads[$0].isEmpty }
    let averages = document.methods.map { $0.metrics["AP"]?.mean ?? -1 }
    norms = try comparison(trained)
    shownNorms = try comparison(firstAndBest(trained, room: 6) { averages[$0] })
  }

  /// The table of methods and metrics.
  public var table: ComparisonTable { ComparisonTable(document) }

  /// One line a method and seed: metrics as fractions, empty where they are not defined.
  public var csv: String {
    let metrics = document.shownMetrics
    let header =
      ["method", "trained_as", "learning_rate", "epochs", "steps", "seed"] + metrics
      + ["norm_count_correlation", "seconds", "run"]
    var lines: [[String]] = []
    for (row, correlations) in zip(result.rows, normCorrelations) {
      let settings = [
        row.name, row.picked.description, row.learningRate.map { "\($0)" } ?? "",
        "\(row.epochs)", "\(row.steps)",
      ]
      for (outcome, correlation) in zip(row.outcomes, correlations) {
        let values = metrics.map { name in outcome.metrics[name].flatMap { $0 >= 0 ? "\($0)" : nil } ?? "" }
        let norms = correlation.map { "\($0)" } ?? ""
        lines.append(settings + ["\(outcome.seed)"] + values + [norms, "\(outcome.seconds)", outcome.run.path])
      }
    }
    return csvText([header] + lines)
  }
}

/// The first item, and the best of the others, as many as a figure can tell apart; in their order.
func firstAndBest<Item>(_ items: [Item], room: Int, merit: (Item) -> Double) -> [Item] {
  guard items.count > room else { return items }
  let best = items.indices.dropFirst().sorted { (-merit(items[$0]), $0) < (-merit(items[$1]), $1) }.prefix(room - 1)
  return [items[0]] + best.sorted().map { items[$0] }
}
