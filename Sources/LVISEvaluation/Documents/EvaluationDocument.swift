import DurableFiles
import Foundation
import LVISDatasets

/// An evaluation as JSON, as `bags evaluate` writes and `bags report` reads it.
///
/// Every metric stands under its own name. As in lvis-api, one that cannot be measured is −1, there and in the list of
/// classes; everywhere else it is left out.
public struct EvaluationDocument: Sendable, Codable {
  /// The metrics, in the order in which lvis-api prints them; by name where they were read from a file.
  public var metrics: [EvaluationResult.Metric]
  /// The findings that a reader of the metrics should know.
  public var warnings: [DataFinding] = []
  /// Every class; `nil` where the classes are left out.
  public var classes: [ClassRow]?
  /// Precision over recall of all classes, each frequency and each group; `nil` where curves were not kept.
  public var curves: [PrecisionRecallCurve]?
  /// The numbers of detections that each rule took away; `nil` where they were not counted.
  public var losses: DetectionLosses?
  /// The kinds of errors and what they cost; `nil` where they were not taken apart.
  public var errors: ErrorBreakdown?
  /// The table of what objects are called, with the hundred most frequent pairs of classes; `nil` where it was not
  /// counted.
  public var confusion: ConfusionTable?
  /// Whether scores are to be trusted, and where to cut them off; `nil` where that was not measured.
  public var calibration: DetectionCalibration?
  /// The intervals of the metrics; `nil` where no images were drawn.
  public var intervals: MetricIntervals?
  /// AP by the size and aspect of the objects; `nil` where it was not measured.
  public var shapes: ShapeBreakdown?
  /// Annotations that are likely to be wrong, the surest thirty of each kind; `nil` where they were not looked for.
  public var labelErrors: LabelErrors?
  /// The metrics on slices of the images; `nil` where there are none.
  public var slices: [SliceScores]?
  /// The differences from other results; `nil` where there are none.
  public var comparison: Comparison?
  /// A digest of the data that were scored on, by which a comparison of methods knows its evaluations again.
  public var comparisonMark: String?

  /// A metric by name; `nil` for a name that is not measured, and where there is no object to measure it by.
  public subscript(_ name: String) -> Double? { metrics.first { $0.name == name }?.value }

  /// The metrics that can be measured, by name.
  public var metricsByName: [String: Double] { metrics.definedByName }

  /// AP by category id, of the classes that have one.
  public var classAP: [Int: Double] {
    Dictionary((classes ?? []).compactMap { row in row["AP"].map { (row.id, $0) } }) { $1 }
  }

  /// Documents a result.
  ///
  /// - Parameters:
  ///   - result: The metrics.
  ///   - groups: The groups of the classes, where they were evaluated with some.
  public init(_ result: EvaluationResult, groups: CategoryGroups? = nil) {
    self.init(EvaluationFindings(result: result), groups: groups)
  }

  /// Documents an evaluation and what else was asked about it.
  ///
  /// - Parameters:
  ///   - findings: What was found.
  ///   - groups: The groups of the classes, where they were evaluated with some.
  public init(_ findings: EvaluationFindings, groups: CategoryGroups? = nil) {
    (metrics, warnings) = (findings.result.metrics, findings.result.warnings)
    comparison = findings.comparison.map(Comparison.init)
    classes = findings.result.classes.map { result in
      ClassRow(
        result, member: groups?.classIndex(ofCategory: result.id).flatMap { groups?.members[$0] },
        comparison: comparison?.classes["\(result.id)"])
    }
    let curves = findings.result.curves(includingClasses: false)
    self.curves = curves.isEmpty ? nil : curves
    (losses, errors, confusion) = (findings.losses, findings.errors, findings.confusion)
    (calibration, intervals) = (findings.calibration, findings.intervals)
    (shapes, slices) = (findings.shapes, findings.slices)
    labelErrors = findings.labelErrors
    if let all = labelErrors?.findings {
      labelErrors?.findings = LabelErrors.Kind.allCases.flatMap { kind in all.lazy.filter { $0.kind == kind }.prefix(30)
      }
    }
    if let pairs = confusion?.pairs { confusion?.pairs = Array(pairs.prefix(100)) }
  }

  /// Reads a file.
  ///
  /// - Throws: `FileError` if it cannot be read; `DatasetError`, naming file and field, if it holds no evaluation.
  public init(contentsOf path: String) throws {
    do {
      self = try JSONDocument.value(at: path)
    } catch DecodingError.typeMismatch(_, let context) where context.codingPath.isEmpty {
      throw DatasetError(
        path: path, code: .otherFormat, problem: "is no JSON object", advice: "`bags evaluate` writes one")
    } catch let error as DecodingError {
      throw DatasetError(
        path: path, code: .badValue, problem: error.place, advice: "`bags evaluate` writes such a file")
    }
  }

  /// Writes a file.
  ///
  /// - Throws: `FileError`; what stood at `path` is then as it was.
  public func write(to path: String) throws {
    try DurableFile.write(try JSONDocument.text(self) + "\n", to: path)
  }

  private enum CodingKeys: String, CodingKey, CaseIterable {
    case warnings, classes, curves, losses, errors, confusion, calibration, intervals, shapes, labelErrors, slices
    case comparison, comparisonMark
  }

  /// Reads a document.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    metrics = try [EvaluationResult.Metric](
      namedIn: decoder.container(keyedBy: NamedKey.self), besides: CodingKeys.allCases.map(\.rawValue))
    warnings = try container.decodeIfPresent([DataFinding].self, forKey: .warnings) ?? []
    classes = try container.decodeIfPresent([ClassRow].self, forKey: .classes)
    curves = try container.decodeIfPresent([PrecisionRecallCurve].self, forKey: .curves)
    losses = try container.decodeIfPresent(DetectionLosses.self, forKey: .losses)
    errors = try container.decodeIfPresent(ErrorBreakdown.self, forKey: .errors)
    confusion = try container.decodeIfPresent(ConfusionTable.self, forKey: .confusion)
    calibration = try container.decodeIfPresent(DetectionCalibration.self, forKey: .calibration)
    intervals = try container.decodeIfPresent(MetricIntervals.self, forKey: .intervals)
    shapes = try container.decodeIfPresent(ShapeBreakdown.self, forKey: .shapes)
    labelErrors = try container.decodeIfPresent(LabelErrors.self, forKey: .labelErrors)
    slices = try container.decodeIfPresent([SliceScores].self, forKey: .slices)
    comparison = try container.decodeIfPresent(Comparison.self, forKey: .comparison)
    comparisonMark = try container.decodeIfPresent(String.self, forKey: .comparisonMark)
  }

  /// Writes the document.
  public func encode(to encoder: any Encoder) throws {
    var names = encoder.container(keyedBy: NamedKey.self)
    try metrics.encode(into: &names)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(warnings, forKey: .warnings)
    try container.encodeIfPresent(classes, forKey: .classes)
    try container.encodeIfPresent(curves, forKey: .curves)
    try container.encodeIfPresent(losses, forKey: .losses)
    try container.encodeIfPresent(errors, forKey: .errors)
    try container.encodeIfPresent(confusion, forKey: .confusion)
    try container.encodeIfPresent(calibration, forKey: .calibration)
    try container.encodeIfPresent(intervals, forKey: .intervals)
    try container.encodeIfPresent(shapes, forKey: .shapes)
    try container.encodeIfPresent(labelErrors, forKey: .labelErrors)
    try container.encodeIfPresent(slices, forKey: .slices)
    try container.encodeIfPresent(comparison, forKey: .comparison)
    try container.encodeIfPresent(comparisonMark, forKey: .comparisonMark)
  }
}

extension [EvaluationResult.Metric] {
  /// Those that can be measured, by name.
  var definedByName: [String: Double] {
    Dictionary(compactMap { metric in metric.value.map { (metric.name, $0) } }) { first, _ in first }
  }

  /// Reads every number of an object that has another name than the given ones.
  init(namedIn container: KeyedDecodingContainer<NamedKey>, besides known: [String]) throws {
    self = try container.allKeys.filter { !known.contains($0.stringValue) }.sorted { $0.stringValue < $1.stringValue }
      .compactMap { key in
        guard (try? container.decode(Double.self, forKey: key)) != nil else { return nil }
        return EvaluationResult.Metric(name: key.stringValue, value: try container.decodeMetric(forKey: key))
      }
  }

  /// Writes every metric under its name, −1 where it cannot be measured.
  func encode(into container: inout KeyedEncodingContainer<NamedKey>) throws {
    for metric in self { try container.encode(metric.value ?? -1, forKey: NamedKey(metric.name)) }
  }
}

extension KeyedDecodingContainer {
  /// A metric; `nil` where it is left out, or −1, as lvis-api and earlier versions write what cannot be measured.
  func decodeMetric(forKey key: Key) throws -> Double? {
    try decodeIfPresent(Double.self, forKey: key).flatMap { $0 > -1 ? $0 : nil }
  }
}
