import LVISDatasets

/// The metrics of an evaluation, overall and per class.
public struct EvaluationResult: Sendable {
  /// A metric by name, such as `AP`, and its value.
  public struct Metric: Sendable, Equatable {
    /// The name of the metric as lvis-api prints it, such as `AP`, `APr` or `AR@300`.
    public let name: String
    /// 0...1; `nil` where there is no object to measure it by.
    public let value: Double?

    /// Makes a metric from its name and its value.
    public init(name: String, value: Double?) {
      self.name = name
      self.value = value
    }
  }

  /// The numbers of detections and objects that took part.
  public struct Counts: Sendable, Equatable {
    /// The number of detections given.
    public let detections: Int
    /// The number of detections left after the caps.
    public let detectionsAfterCap: Int
    /// The number of detections left after dropping those in images that were not searched for their class.
    public let detectionsThatCount: Int
    /// The number of objects of the ground truth, ignored ones included.
    public let objects: Int
  }

  /// The metrics in the order in which lvis-api prints them, then those of groups.
  public let metrics: [Metric]
  /// The classes by ascending category id, those without objects included.
  public let classes: [ClassResult]
  /// The IoU thresholds that precision was averaged over.
  public let iouThresholds: [Double]
  /// The numbers of detections and objects that took part.
  public let counts: Counts
  /// The findings that a reader of the metrics should know.
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
    let definitions = MetricTable(options).perClass
    classes = categories.indices.map { ClassResult(categories[$0], frequencies[$0], scores[$0], definitions) }
    metrics = Self.metrics(scores, classes: classes, options: options)
    iouThresholds = options.iouThresholds
    splits = ClassSplits(categories, options)
    self.counts = counts
    self.warnings = warnings
  }
}

/// The metrics and counts of one class.
public struct ClassResult: Sendable, Identifiable {
  /// The category's id.
  public let id: Int
  /// The category's name.
  public let name: String
  /// Rare, common or frequent; `nil` where it is not known.
  public let frequency: LVISFrequency?
  /// The number of objects that count.
  public let objectCount: Int
  /// The number of detections that count.
  public let detectionCount: Int
  /// The metrics `AP`, `AP50`, `AP75`, `APs`, …, `AR`, `ARs`, …
  public let metrics: [EvaluationResult.Metric]
  /// Precision at recall 0, .01, ... 1, for each threshold; empty unless the options ask for it.
  public let curves: [[Double]]

  /// A metric by name; `nil` for a name that is not measured, and where there is no object to measure it by.
  public subscript(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }

  init(
    _ category: LVISCategory, _ frequency: LVISFrequency?, _ scores: ClassScores,
    _ definitions: [MetricTable.Definition]
  ) {
    id = category.id
    name = category.name
    self.frequency = frequency
    objectCount = scores.objectCounts.first ?? 0
    detectionCount = scores.detectionCount
    metrics = definitions.map { .init(name: $0.name, value: $0.mean(over: [scores])) }
    let points = Accumulation.recallPoints.count
    curves = stride(from: 0, to: scores.curves.count, by: points).map { Array(scores.curves[$0..<($0 + points)]) }
  }
}
