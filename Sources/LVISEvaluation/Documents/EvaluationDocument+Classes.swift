import DurableFiles
import LVISDatasets

extension EvaluationDocument {
  /// A class of the evaluation with its counts and metrics.
  public struct ClassRow: Sendable, Identifiable {
    /// The category's id.
    public let id: Int
    /// The category's name.
    public let name: String
    /// Rare, common or frequent; `nil` where it is not known.
    public let frequency: LVISFrequency?
    /// The foreground group of the class, from 0; `nil` where it has none.
    public let group: Int?
    /// The number of instances in the training data, as the groups have them; `nil` for a class without a group.
    public let trainingInstances: Int?
    /// The number of objects that count.
    public let objectCount: Int
    /// The number of detections that count.
    public let detectionCount: Int
    /// The metrics `AP`, `AP50`, `AP75`, `APs`, …, `AR`, `ARs`, …
    public let metrics: [EvaluationResult.Metric]
    /// The difference of the class's AP from that of the other results; `nil` where there are no others.
    public let comparison: Comparison.Entry?

    init(_ result: ClassResult, member: CategoryGroups.Member?, comparison: Comparison.Entry?) {
      (id, name, frequency) = (result.id, result.name, result.frequency)
      (objectCount, detectionCount, metrics) = (result.objectCount, result.detectionCount, result.metrics)
      (group, trainingInstances, self.comparison) = (member?.group, member?.instanceCount, comparison)
    }

    /// A metric by name; `nil` for a name that is not measured, and where there is no object to measure it by.
    public subscript(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }
  }

  /// Two evaluations on the same ground truth.
  public struct Comparison: Sendable, Codable {
    /// A metric of both results, and its difference.
    public struct Entry: Sendable, Codable, Equatable {
      /// The value of these results; `nil` without objects.
      public let value: Double?
      /// The value of the others; `nil` without objects.
      public let other: Double?
      /// The value of these results less that of the others; `nil` without objects.
      public let difference: Double?
      /// The two ends of the 95 % interval of the difference; `nil` where there is none.
      public let interval: [Double]?
    }

    /// The path of the other results file.
    public let other: String
    /// What the other results are called, such as the name of their run; `nil` where nothing but the path is known.
    public var otherName: String?
    /// The number of times that images were drawn.
    public let replicates: Int
    /// The seed of the draws.
    public let seed: UInt64
    /// The metrics of both results, by name.
    public let metrics: [String: Entry]
    /// The AP of every class in both results, by category id.
    public let classes: [String: Entry]

    init(_ comparison: ResultComparison) {
      other = comparison.firstPath ?? ""
      (replicates, seed) = (comparison.replicates, comparison.seed)
      metrics = Dictionary(comparison.metrics.map { ($0.name, Entry($0)) }) { $1 }
      classes = Dictionary(comparison.classes.map { ("\($0.id)", Entry($0.averagePrecision)) }) { $1 }
    }
  }

  /// The columns that classes can be sorted by, beside their metrics.
  public static let classColumns = [
    "id", "name", "frequency", "group", "instances", "objects", "count", "detections", "difference",
  ]

  /// Sorts the classes: ids, names, frequencies and groups ascending, numbers from the highest down.
  ///
  /// - Parameters:
  ///   - column: One of `classColumns`, or a metric's name in lower case.
  ///   - isReversed: Whether the other way round; classes without a value stay last.
  public mutating func sortClasses(by column: String, isReversed: Bool = false) {
    func sort<Value>(_ value: (ClassRow) -> Value?, _ precedes: (Value, Value) -> Bool) {
      classes = classes?.enumerated().sorted { a, b in
        switch (value(a.element), value(b.element)) {
        case (let x?, let y?):
          if precedes(x, y) { return !isReversed }
          if precedes(y, x) { return isReversed }
          return a.offset < b.offset
        case (.some, nil): return true
        case (nil, .some): return false
        case (nil, nil): return a.offset < b.offset
        }
      }.map(\.element)
    }
    switch column {
    case "id": sort({ $0.id }, <)
    case "name": sort({ $0.name }, <)
    // From the rarest.
    case "frequency": sort({ row in row.frequency.flatMap { LVISFrequency.allCases.firstIndex(of: $0) } }, <)
    case "group": sort({ $0.group }, <)
    case "instances": sort({ $0.trainingInstances }, >)
    case "objects", "count": sort({ $0.objectCount }, >)
    case "detections": sort({ $0.detectionCount }, >)
    case "difference": sort({ $0.comparison?.difference }, >)
    default: sort({ row in row.metrics.first { $0.name.lowercased() == column }?.value }, >)
    }
  }
}

extension EvaluationDocument.Comparison.Entry {
  init(_ entry: ResultComparison.Entry) {
    (value, other, difference) = (entry.second, entry.first, entry.difference)
    interval = entry.interval.map { [$0.lowerBound, $0.upperBound] }
  }

  /// Reads an entry.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    value = try container.decodeMetric(forKey: .value)
    other = try container.decodeMetric(forKey: .other)
    difference = try container.decodeIfPresent(Double.self, forKey: .difference)
    interval = try container.decodeIfPresent([Double].self, forKey: .interval)
  }
}

/// In JSON, the metrics stand beside the other fields, each under its name.
extension EvaluationDocument.ClassRow: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case id, name, frequency, group, trainingInstances, objects, detections, otherAp, difference, interval
    /// As earlier versions spelt `otherAp`.
    case otherAP
  }

  /// Reads a class.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    id = try container.decode(Int.self, forKey: .id)
    name = try container.decodeIfPresent(String.self, forKey: .name) ?? ""
    frequency = try container.decodeIfPresent(String.self, forKey: .frequency).flatMap(LVISFrequency.init)
    group = try container.decodeIfPresent(String.self, forKey: .group).flatMap { Int($0.dropFirst()) }.map { $0 - 1 }
    trainingInstances = try container.decodeIfPresent(Int.self, forKey: .trainingInstances)
    objectCount = try container.decodeIfPresent(Int.self, forKey: .objects) ?? 0
    detectionCount = try container.decodeIfPresent(Int.self, forKey: .detections) ?? 0
    metrics = try [EvaluationResult.Metric](
      namedIn: decoder.container(keyedBy: NamedKey.self), besides: CodingKeys.allCases.map(\.rawValue))
    let other = try container.decodeMetric(forKey: .otherAp) ?? container.decodeMetric(forKey: .otherAP)
    let difference = try container.decodeIfPresent(Double.self, forKey: .difference)
    let interval = try container.decodeIfPresent([Double].self, forKey: .interval)
    comparison =
      other == nil && difference == nil && interval == nil
      ? nil
      : EvaluationDocument.Comparison.Entry(
        value: metrics.first { $0.name == "AP" }?.value, other: other, difference: difference, interval: interval)
  }

  /// Writes the class.
  public func encode(to encoder: any Encoder) throws {
    var names = encoder.container(keyedBy: NamedKey.self)
    try metrics.encode(into: &names)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(id, forKey: .id)
    try container.encode(name, forKey: .name)
    // `null`, not left out: every class has the field.
    try container.encode(frequency?.rawValue, forKey: .frequency)
    try container.encodeIfPresent(group.map { ClassSplit.group($0).description }, forKey: .group)
    try container.encodeIfPresent(trainingInstances, forKey: .trainingInstances)
    try container.encode(objectCount, forKey: .objects)
    try container.encode(detectionCount, forKey: .detections)
    try container.encodeIfPresent(comparison?.other, forKey: .otherAp)
    try container.encodeIfPresent(comparison?.difference, forKey: .difference)
    try container.encodeIfPresent(comparison?.interval, forKey: .interval)
  }
}
