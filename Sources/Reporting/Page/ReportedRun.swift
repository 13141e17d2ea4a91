import DetectionHeads
import Foundation
import HeadTraining
import LVISDatasets
import LVISEvaluation
import MethodComparison
import TrainingRuns

/// A run with its record, head, metrics and evaluation, for a report; or a head, or detections, of no run.
public struct ReportedRun: Sendable {
  /// The name of the run in the report.
  public var name: String
  /// The record of the run, with its settings; `nil` where there is no run.
  public var record: RunRecord?
  /// The head that the run trained; `nil` of bare detections.
  public var head: LinearHead?
  /// The file of a head or of detections that stand in no run; `nil` of a run.
  public var file: RunRecord.Input?
  /// The head that it started from; `nil` where it started at random, or that head is gone.
  public var initialHead: LinearHead?
  /// The lines of its `metrics.jsonl`; empty where there are none.
  public var metrics: [TrainingMetrics]
  /// The curves of the same training with other seeds; empty where there are none.
  public var otherSeeds: [TrainingCurves.Run] = []
  /// The evaluation of the run's detections; `nil` where there is none.
  public var evaluation: EvaluationDocument?
  /// The scores of its detections; `nil` where they are not known.
  public var scores: ScoreDistribution.Result?

  /// Makes a run from parts.
  public init(
    name: String, record: RunRecord, head: LinearHead, initialHead: LinearHead? = nil, metrics: [TrainingMetrics] = [],
    evaluation: EvaluationDocument? = nil
  ) {
    self.name = name
    self.record = record
    self.head = head
    self.initialHead = initialHead
    self.metrics = metrics
    self.evaluation = evaluation
  }

  /// Describes a head that stands in no run.
  ///
  /// - Parameters:
  ///   - head: The head.
  ///   - name: What to call it.
  ///   - file: Its file.
  public init(_ head: LinearHead, named name: String, file: RunRecord.Input) {
    (self.name, self.head, self.file) = (name, head, file)
    (record, metrics) = (nil, [])
  }

  /// Describes detections that stand in no run.
  ///
  /// - Parameters:
  ///   - evaluation: What they come to.
  ///   - name: What to call them.
  ///   - file: Their file.
  public init(_ evaluation: EvaluationDocument, named name: String, file: RunRecord.Input) {
    (self.name, self.evaluation, self.file) = (name, evaluation, file)
    (record, head, metrics) = (nil, nil, [])
  }

  /// Counts the scores of the detections in a file.
  ///
  /// - Parameters:
  ///   - path: A results file; see `DetectionColumns`.
  /// - Throws: `DatasetError`, `TensorFileError` or `FileError` where it cannot be read.
  public mutating func countScores(ofResults path: String) throws {
    let detections = try DetectionColumns(contentsOfResults: path)
    var counted = ScoreDistribution.Result(name: name, method: method)
    for (score, id) in zip(detections.scores, detections.categoryIDs) { counted.add(score: score, categoryID: id) }
    scores = counted
  }
}

extension ReportedRun {
  /// Reads all that a run's folder holds.
  ///
  /// - Parameters:
  ///   - folder: The run.
  ///   - name: What to call it.
  /// - Throws: What is wrong with one of its files.
  public init(contentsOf folder: RunFolder, named name: String) throws {
    func read<Value>(_ path: String, _ body: (String) throws -> Value) rethrows -> Value? {
      FileManager.default.fileExists(atPath: path) ? try body(path) : nil
    }
    let record = try folder.record()
    let head = try LinearHead(contentsOf: folder.headPath)
    self.init(
      name: name, record: record, head: head,
      // The head that training began from may be gone, or may not name its classes: then there is no "before".
      initialHead: record.inputs["init"].flatMap {
        try? LinearHead(contentsOf: RunFolder.headPath(for: $0.path), groups: head.groups)
      },
      metrics: try read(folder.metricsPath) { _ in try folder.metrics() } ?? [],
      evaluation: try read(folder.evaluationPath) { try EvaluationDocument(contentsOf: $0) })
    if let path = folder.keptResultsPath { try countScores(ofResults: path) }
  }

  /// The method of a run in tables: `auto` where a race chose it, which may be a mean with a long name.
  var chosenMethod: String? { record.map { $0.race == nil ? $0.method : ComparedMethod.auto.description } }

  /// The method that decides its colour: one of a comparison goes by what it was asked for.
  var method: String { record?.method ?? head?.method ?? name }

  /// What to call the head that the run began from: its file, or its run.
  var initialHeadName: String {
    let parts = (record?.inputs["init"]?.path ?? "").split(separator: "/").map(String.init)
    guard let last = parts.last else { return name }
    if last == "head.safetensors", parts.count > 1 { return parts[parts.count - 2] }
    return last.hasSuffix(".safetensors") ? String(last.dropLast(".safetensors".count)) : last
  }
}

extension RunRecord {
  /// The command that repeats the run, in lines of about eighty characters that a shell takes as one.
  public var commandLines: [String] {
    if let averaged { return [(["bags average"] + averaged.map(Self.quoted)).joined(separator: " ")] }
    if let importedFrom { return ["# \(Self.quoted(importedFrom)) as it is"] }
    var lines = [calibration == nil ? "bags train" : "bags calibrate \(Self.quoted(inputs["init"]?.path ?? ""))"]
    for setting in options {
      let word = "--\(setting.name) \(Self.quoted(setting.value))"
      if lines[lines.count - 1].count + word.count > 76 {
        lines[lines.count - 1] += " \\"
        lines.append("  " + word)
      } else {
        lines[lines.count - 1] += " " + word
      }
    }
    return lines
  }

  /// A word for a POSIX shell.
  private static func quoted(_ word: String) -> String {
    let plain = word.unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || ("0"..."9").contains($0) || "/._-,+:@%=".unicodeScalars.contains($0)
    }
    return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
