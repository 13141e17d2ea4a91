import DetectionHeads
import HeadTraining
import TrainingRuns

/// A run and all that is known of it, for a report.
public struct ReportedRun: Sendable {
  /// What to call it.
  public var name: String
  /// Its settings.
  public var record: RunRecord
  /// What it trained.
  public var head: LinearHead
  /// The head that it started from; `nil` where it started at random, or that head is gone.
  public var initialHead: LinearHead?
  /// The lines of its `metrics.jsonl`; empty where there are none.
  public var metrics: [TrainingMetrics]
  /// Metrics of its evaluation by name, as fractions; empty where there is none.
  public var evaluation: [String: Double]
  /// AP of the classes that the evaluation states, by category id.
  public var classAP: [Int: Double]
  /// Precision over recall, where the evaluation states it.
  public var curves: [PrecisionRecallComparison.Curve] = []
  /// What objects are called, where the evaluation states it.
  public var confusion: [GroupConfusion.Row] = []
  /// The scores of its detections; `nil` where they are not known.
  public var scores: ScoreDistribution.Result?

  /// Makes a run from parts.
  public init(
    name: String, record: RunRecord, head: LinearHead, initialHead: LinearHead? = nil, metrics: [TrainingMetrics] = [],
    evaluation: [String: Double] = [:], classAP: [Int: Double] = [:]
  ) {
    self.name = name
    self.record = record
    self.head = head
    self.initialHead = initialHead
    self.metrics = metrics
    self.evaluation = evaluation
    self.classAP = classAP
  }
}

extension ReportedRun {
  /// The method that decides its colour: one of a comparison goes by what it was asked for.
  var method: String { record.method }

  /// What to call the head that the run began from: its file, or its run.
  var initialHeadName: String {
    let parts = (record.inputs["init"]?.path ?? "").split(separator: "/").map(String.init)
    guard let last = parts.last else { return name }
    if last == "head.safetensors", parts.count > 1 { return parts[parts.count - 2] }
    return last.hasSuffix(".safetensors") ? String(last.dropLast(".safetensors".count)) : last
  }
}

extension RunRecord {
  /// The command that repeats the run, in lines of about eighty characters that a shell takes as one.
  public var commandLines: [String] {
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
