/// An evaluation as JSON, as `bags evaluate --format json` prints it: every metric by its name, what a reader should know
/// behind `warnings`, classes behind `classes`,
/// and where the options said `keepsCurves`, the curves of all classes, each frequency and each group behind `curves`.
public struct EvaluationReport: Encodable {
  private let result: EvaluationResult
  private let perClass: Bool
  private let marks: [String: String]

  /// Makes a report.
  ///
  /// - Parameters:
  ///   - result: What to report.
  ///   - perClass: Whether to list every class too.
  ///   - marks: Texts to write beside the metrics.
  public init(_ result: EvaluationResult, perClass: Bool, marks: [String: String] = [:]) {
    self.result = result
    self.perClass = perClass
    self.marks = marks
  }

  /// Writes it.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    for metric in result.metrics { try container.encode(metric.value, forKey: Key(metric.name)) }
    for (name, mark) in marks { try container.encode(mark, forKey: Key(name)) }
    try container.encode(result.warnings, forKey: Key("warnings"))
    let curves = result.curves(includingClasses: false)
    if !curves.isEmpty { try container.encode(curves.map { CurveReport($0, names: [:]) }, forKey: Key("curves")) }
    if perClass { try container.encode(result.classes.map(ClassRow.init), forKey: Key("classes")) }
  }

  private struct ClassRow: Encodable {
    let row: ClassResult

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(row.id, forKey: Key("id"))
      try container.encode(row.name, forKey: Key("name"))
      try container.encode(row.frequency?.rawValue, forKey: Key("frequency"))
      try container.encode(row.objectCount, forKey: Key("objects"))
      try container.encode(row.detectionCount, forKey: Key("detections"))
      for metric in row.metrics { try container.encode(metric.value, forKey: Key(metric.name)) }
    }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
