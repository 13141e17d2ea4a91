import Charts

/// What `bags compare` found, for a report: methods with means over seeds.
public struct ReportedComparison: Sendable {
  /// A mean over the seeds, its spread, and the values behind it.
  public struct Measure: Sendable, Equatable {
    /// The mean.
    public let mean: Double
    /// The standard deviation; `nil` for a single seed.
    public let spread: Double?
    /// One value a seed.
    public let values: [Double]

    /// Makes a measure.
    public init(mean: Double, spread: Double?, values: [Double]) {
      self.mean = mean
      self.spread = spread
      self.values = values
    }
  }

  /// One method.
  public struct Method: Sendable {
    /// As it was asked for.
    public let name: String
    /// What it was trained with, in words.
    public let setting: String
    /// Metrics by name, as fractions.
    public let metrics: [String: Measure]
    /// The rank correlation of weight norm and instance count.
    public let normCorrelation: Measure?
    /// Seconds of training.
    public let seconds: Measure?
    /// What went wrong with some seeds.
    public let failures: [String]

    /// Makes a method.
    public init(
      name: String, setting: String, metrics: [String: Measure], normCorrelation: Measure?, seconds: Measure?,
      failures: [String]
    ) {
      self.name = name
      self.setting = setting
      self.metrics = metrics
      self.normCorrelation = normCorrelation
      self.seconds = seconds
      self.failures = failures
    }
  }

  /// What it is called.
  public let name: String
  /// How many seeds each method was trained with.
  public let seedCount: Int
  /// The methods, in the order in which they were asked for.
  public let methods: [Method]

  /// Makes a comparison.
  public init(name: String, seedCount: Int, methods: [Method]) {
    self.name = name
    self.seedCount = seedCount
    self.methods = methods
  }

  /// The metrics that some method has, in the order in which they are shown.
  var metricNames: [String] {
    let known = Set(methods.flatMap { $0.metrics.keys })
    let groups = known.filter { $0.hasPrefix("AP") && Int($0.dropFirst(2)) != nil && $0 != "AP50" && $0 != "AP75" }
    return ["AP", "APr", "APc", "APf"].filter(known.contains) + groups.sorted { ($0.count, $0) < ($1.count, $1) }
  }

  /// The methods' scores as a figure: AP and the groups', or the frequencies' where there are no groups.
  var scores: MethodScores {
    let names = metricNames
    let groups = names.filter { Int($0.dropFirst(2)) != nil }
    let shown = names.filter { $0 == "AP" } + (groups.isEmpty ? names.filter { $0 != "AP" } : groups)
    return MethodScores(
      methods.map { MethodScores.Row(name: $0.name, values: $0.metrics.mapValues(\.values)) }, metrics: shown)
  }

  /// The table: a line a method, per cent, ± the spread.
  var table: (header: [String], rows: [[String]], best: [[Bool]]) {
    let names = metricNames
    let rows = methods.map { method in
      [method.name, method.setting]
        + names.map { Self.text(method.metrics[$0], scale: 100, digits: 1) }
        + [Self.text(method.normCorrelation, scale: 1, digits: 2), Self.text(method.seconds, scale: 1, digits: 1)]
    }
    let best = methods.map { method in
      [false, false]
        + names.map { name in
          let most = methods.compactMap { $0.metrics[name]?.mean }.max()
          return methods.count > 1 && most != nil && method.metrics[name]?.mean == most
        } + [false, false]
    }
    return (["method", "trained with"] + names + ["norm–count", "seconds"], rows, best)
  }

  private static func text(_ measure: Measure?, scale: Double, digits: Int) -> String {
    guard let measure else { return "–" }
    let mean = NumberText.fixed(scale * measure.mean, digits: digits)
    return mean + (measure.spread.map { " ±" + NumberText.fixed(scale * $0, digits: digits) } ?? "")
  }
}
