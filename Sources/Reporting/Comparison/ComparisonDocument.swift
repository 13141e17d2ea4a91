import Foundation
import HeadTraining
import MethodComparison
import TrainingRuns

/// What `comparison.json` holds and `bags compare --format json` prints; metrics are fractions.
public struct ComparisonDocument: Encodable {
  /// A mean over the seeds, its spread, and the values behind it.
  public struct Measure: Encodable {
    let mean: Double
    let spread: Double?
    let values: [Double]

    init?(_ values: [Double]) {
      guard let summary = MeanAndSpread(values) else { return nil }
      mean = summary.mean
      spread = summary.spread
      self.values = values
    }
  }

  struct Method: Encodable {
    let method: String
    /// With what tuning picked, as `--methods` takes it.
    let trainedAs: String
    let learningRate: Double
    let parameters: [String: String]
    let epochs: Int
    let steps: Int
    let metrics: [String: Measure]
    let normCountCorrelation: Measure?
    let seconds: Measure?
    let runs: [String]
    let failures: [String]
    let tuning: TuningRecord?
  }

  /// By which a comparison's folder is known.
  public static let formatName = "bags-comparison"

  let format = Self.formatName
  let version = 1
  let program: String
  let seeds: [UInt64]
  let settings: TrainingSettings
  let methods: [Method]
  /// For every column of the table the methods that are best in it, by the keys of `methods`.
  let best: [String: [String]]

  /// The document as JSON, keys in a fixed order.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// Makes the document.
  public init(_ table: ComparisonTable, program: String) {
    self.program = program
    seeds = table.result.seeds
    settings = table.result.settings
    methods = zip(table.result.rows, table.rows).map { row, shown in
      let names = Set(row.outcomes.flatMap(\.metrics.keys))
      var metrics: [String: Measure] = [:]
      for name in names {
        metrics[name] = Measure(row.outcomes.compactMap { $0.metrics[name] }.filter { $0 >= 0 })
      }
      return Method(
        method: row.method.description, trainedAs: row.picked.description, learningRate: row.learningRate,
        parameters: (row.picked.calibration ?? row.picked.method).parameters,
        epochs: row.epochs, steps: row.steps, metrics: metrics,
        normCountCorrelation: Measure(shown.normCorrelations.compactMap { $0 }),
        seconds: Measure(row.outcomes.map(\.seconds)), runs: row.outcomes.map(\.run.path), failures: row.failures,
        tuning: row.tuning)
    }
    best = Dictionary(
      zip(table.columns, table.best).map { ($0.key, $1.sorted().map { table.rows[$0].name }) }
    ) { first, _ in first }
  }
}
