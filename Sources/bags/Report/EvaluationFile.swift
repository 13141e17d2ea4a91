import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// What `bags evaluate --output` wrote.
struct EvaluationFile {
  /// Metrics by name, as fractions.
  let metrics: [String: Double]
  /// Precision over recall; empty unless it was made with `--curves`.
  let curves: [PrecisionRecallComparison.Curve]
  /// What objects are called; empty unless it was made with `--confusion`.
  let confusion: [GroupConfusion.Row]
  /// AP by category id, of the classes that have one; empty where the file holds no classes.
  let classAP: [Int: Double]

  /// Where a run keeps it.
  static func path(inRun run: String) -> String { "\(run)/evaluation.json" }

  /// Reads a file.
  ///
  /// - Throws: `FileError` if it cannot be read, `CommandFailure` if it holds no object with metrics.
  init(contentsOf path: String) throws {
    let file = try MappedFile(at: path)
    guard let object = try? JSONSerialization.jsonObject(with: Data(file.bytes)) as? [String: Any] else {
      throw CommandFailure("\(path): is no JSON object; `bags evaluate --output` writes one")
    }
    metrics = object.compactMapValues { ($0 as? NSNumber)?.doubleValue }
    var classAP: [Int: Double] = [:]
    for row in object["classes"] as? [[String: Any]] ?? [] {
      guard let id = row["id"] as? Int, let value = row["AP"] as? Double, value >= 0 else { continue }
      classAP[id] = value
    }
    self.classAP = classAP
    curves = (object["curves"] as? [[String: Any]] ?? []).compactMap(PrecisionRecallComparison.Curve.init)
    confusion = ((object["confusion"] as? [String: Any])?["rows"] as? [[String: Any]] ?? [])
      .compactMap(GroupConfusion.Row.init)
  }
}

extension PrecisionRecallComparison.Curve {
  /// A curve as `bags evaluate` writes it; `nil` for one of a single class, or what is none.
  fileprivate init?(_ object: [String: Any]) {
    guard let classes = object["classes"] as? String, let precision = object["precision"] as? [Double],
      precision.allSatisfy(\.isFinite)
    else { return nil }
    self.init(classes: classes, threshold: object["iou"] as? Double, precisions: precision)
  }
}

extension GroupConfusion.Row {
  /// A row as `bags evaluate` writes it; `nil` for what is none.
  fileprivate init?(_ object: [String: Any]) {
    guard let classes = object["classes"] as? String, let objects = object["objects"] as? Int,
      let correct = object["correct"] as? Int, let missed = object["missed"] as? Int
    else { return nil }
    self.init(
      classes: classes, objects: objects, correct: correct,
      calledAnotherOf: object["calledAnotherOf"] as? [String: Int] ?? [:], missed: missed)
  }
}

extension APComparison.Result {
  /// The result that an argument names: an evaluation's file, or a run that holds `evaluation.json`.
  init(naming argument: String) throws {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: argument, isDirectory: &isFolder) else {
      throw CommandFailure("\(argument): no such run or evaluation")
    }
    let url = URL(fileURLWithPath: argument).resolvingSymlinksInPath()
    let path = isFolder.boolValue ? EvaluationFile.path(inRun: argument) : argument
    guard FileManager.default.fileExists(atPath: path) else {
      throw CommandFailure(
        "\(argument): holds no evaluation.json; make it with `bags evaluate … --output \(path)`")
    }
    // An evaluation inside a run goes by the run's name and has its method.
    let folder = isFolder.boolValue ? url : url.deletingLastPathComponent()
    let run = RunFolder(at: folder.path)
    let isInRun =
      FileManager.default.fileExists(atPath: run.recordPath)
      && (isFolder.boolValue || url.lastPathComponent == "evaluation.json")
    let fileName = url.deletingPathExtension().lastPathComponent
    let name = isFolder.boolValue || isInRun ? folder.lastPathComponent : fileName
    self.init(
      name: name, method: isInRun ? try run.record().method : name,
      metrics: try EvaluationFile(contentsOf: path).metrics)
  }
}
