import Charts
import Foundation
import HeadTraining
import MethodComparison
import TrainingRuns

/// The curves of all runs of a comparison as one flat table, such as data frames and plotting tools like best: a line a
/// method, seed, step and metric.
public struct ComparisonCurves: Sendable {
  /// The lines of metrics of one run.
  public struct Run: Sendable {
    /// The method as it was asked for.
    public let method: String
    /// The seed of the training.
    public let seed: UInt64
    /// The lines of its `metrics.jsonl`.
    public let metrics: [TrainingMetrics]

    /// Makes a run from its lines of metrics.
    public init(method: String, seed: UInt64, metrics: [TrainingMetrics]) {
      (self.method, self.seed, self.metrics) = (method, seed, metrics)
    }
  }

  /// The runs that were trained, by method, then seed.
  public let runs: [Run]

  /// Makes the table of runs.
  public init(_ runs: [Run]) { self.runs = runs }

  /// Reads the curves of all runs; those that trained nothing have none.
  ///
  /// - Throws: What is wrong with a run's `metrics.jsonl`.
  public init(of results: ComparedResults) throws {
    runs = try results.rows.flatMap { row in
      try row.outcomes.compactMap { outcome in
        guard FileManager.default.fileExists(atPath: outcome.run.metricsPath) else { return nil }
        let metrics = try outcome.run.metrics()
        return metrics.isEmpty ? nil : Run(method: row.name, seed: outcome.seed, metrics: metrics)
      }
    }
  }

  /// `method,seed,step,epoch,metric,value`: the epoch from 0; the metrics are `loss`, its parts such as `loss/G1` where
  /// there are several, `learning_rate`, `gradient_norm`, `others_share` where there are groups, and `rois_per_second`.
  public var csv: String {
    var lines = [["method", "seed", "step", "epoch", "metric", "value"]]
    for run in runs {
      for line in run.metrics {
        for (name, value) in line.named {
          lines.append([run.method, "\(run.seed)", "\(line.step)", "\(line.epoch)", name, "\(value)"])
        }
      }
    }
    return csvText(lines)
  }
}

extension TrainingMetrics {
  /// The values by the names that TensorBoard and tables have for them, in a fixed order.
  public var named: [(name: String, value: Double)] {
    var values = [("loss", loss)]
    if losses.count > 1 { values += losses.sorted { $0.key < $1.key }.map { ("loss/\($0.key)", $0.value) } }
    values += [("learning_rate", learningRate), ("gradient_norm", gradientNorm)]
    if let othersShare { values.append(("others_share", othersShare)) }
    return values + [("rois_per_second", roisPerSecond)]
  }
}
