import BalancedGroupSoftmax

/// The contents of `metrics.json` in a demo's report; metrics are fractions.
struct DemoMetrics: Encodable {
  /// By which the folder of a demo's report is known.
  struct Mark: Decodable {
    let format: String
  }

  static let formatName = "bags-demo"

  struct Method: Encodable {
    let method: String
    let learningRate: Double
    let metrics: [String: Double]
    /// Spearman's rank correlation of weight norm and instance count.
    let rankCorrelation: Double?
    /// The mean weight norm of each group's classes.
    let meanNorms: [String: Double]
  }

  let format = DemoMetrics.formatName
  let version = 1
  let program: String
  let seed: UInt64
  let methods: [Method]

  init(seed: UInt64, outcomes: [DemoExperiment.Outcome], norms: WeightNormComparison) {
    program = Program.name
    self.seed = seed
    methods = zip(outcomes, norms.summaries).map { outcome, summary in
      var means: [String: Double] = [:]
      for (group, mean) in summary.meanNorms.enumerated() { means["G\(group + 1)"] = mean }
      return Method(
        method: outcome.name, learningRate: outcome.learningRate,
        metrics: outcome.result.metricsByName,
        rankCorrelation: summary.rankCorrelation, meanNorms: means)
    }
  }
}
