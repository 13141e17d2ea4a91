import LVISDatasets

/// The metrics of an evaluation, overall and per class.
public struct EvaluationResult: Sendable {
  /// One metric.
  public struct Metric: Sendable, Equatable {
    /// As the reference names it: `AP`, `APr`, `AR@300`...
    public let name: String
    /// 0...1; `nil` where there is no object to measure it by.
    public let value: Double?

    /// Makes a metric.
    public init(name: String, value: Double?) {
      self.name = name
      self.value = value
    }
  }

  /// How many detections and objects took part.
  public struct Counts: Sendable, Equatable {
    /// Detections given.
    public let detections: Int
    /// Detections left after the caps.
    public let detectionsAfterCap: Int
    /// Detections left after dropping what images were not searched for.
    public let detectionsThatCount: Int
    /// Objects of the ground truth, ignored ones included.
    public let objects: Int
  }

  /// In the order that the reference prints them, those for groups behind.
  public let metrics: [Metric]
  /// By ascending category id, classes without objects included.
  public let classes: [ClassResult]
  /// The IoU thresholds that precision was averaged over.
  public let iouThresholds: [Double]
  /// How many detections and objects took part.
  public let counts: Counts
  /// What a reader of the metrics should know.
  ///
  /// Findings about the ground truth come first, then those about the detections, then peculiarities of the rules.
  public let warnings: [DataFinding]
  let splits: ClassSplits

  /// A metric by name; `nil` for a name that is not measured, and where there is no object to measure it by.
  public subscript(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }

  /// The metrics that can be measured, by name.
  public var metricsByName: [String: Double] { metrics.definedByName }

  /// The classes that have objects and for which no detection counts.
  public var neverPredicted: [ClassResult] { classes.filter { $0.objectCount > 0 && $0.detectionCount == 0 } }

  init(
    _ scores: [ClassScores], categories: [LVISCategory], options: EvaluationOptions, warnings: [DataFinding],
    counts: Counts
  ) {
    var warnings = warnings
    let frequencies = categories.map(options.frequency)
    let unknown = frequencies.count { $0 == nil }
    if unknown > 0 && options.rules == .lvis {
      warnings.append(.withoutFrequency(categories: unknown, of: categories.count))
    }
    classes = categories.indices.map { ClassResult(categories[$0], frequencies[$0], scores[$0], options) }
    metrics = Self.metrics(scores, classes: classes, options: options)
    iouThresholds = options.iouThresholds
    splits = ClassSplits(categories, options)
    self.counts = counts
    self.warnings = warnings
  }
}

/// What is measured of one class.
public struct ClassResult: Sendable, Identifiable {
  /// The category's id.
  public let id: Int
  /// The category's name.
  public let name: String
  /// Rare, common or frequent; `nil` where it is not known.
  public let frequency: LVISFrequency?
  /// Objects that count.
  public let objectCount: Int
  /// Detections that count.
  public let detectionCount: Int
  /// `AP`, `AP50`, `AP75`, `APs`..., `AR`, `ARs`...
  public let metrics: [EvaluationResult.Metric]
  /// Precision at recall 0, .01, ... 1, for each threshold; empty unless the options ask for it.
  public let curves: [[Double]]

  /// A metric by name; `nil` for a name that is not measured, and where there is no object to measure it by.
  public subscript(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }

  init(_ category: LVISCategory, _ frequency: LVISFrequency?, _ scores: ClassScores, _ options: EvaluationOptions) {
    id = category.id
    name = category.name
    self.frequency = frequency
    objectCount = scores.objectCounts.first ?? 0
    detectionCount = scores.detectionCount
    metrics = MetricTable(options).perClass.map { .init(name: $0.name, value: $0.mean(over: [scores])) }
    let points = Accumulation.recallPoints.count
    curves = stride(from: 0, to: scores.curves.count, by: points).map { Array(scores.curves[$0..<($0 + points)]) }
  }
}
