import DurableFiles
import Foundation

/// A training run on disk: `run.json`, `groups.json`, `head.safetensors`, `metrics.jsonl`,
/// `checkpoint.safetensors`.
///
/// While it is trained it stands at `NAME.partial`; when it is complete it is renamed to `NAME`, and `latest` beside it
/// points to it. So a folder under its own name is always whole.
public struct RunFolder: Sendable, Equatable {
  /// The path of the folder.
  public let path: String

  /// The folder at `path`, whether it exists or not.
  public init(at path: String) { self.path = path }

  /// The file of the trained head.
  public var headPath: String { "\(path)/head.safetensors" }
  /// The file of the classes and their groups.
  public var groupsPath: String { "\(path)/groups.json" }
  /// The file of the settings and of what the run was given, `run.json`.
  public var recordPath: String { "\(path)/run.json" }
  /// The file of metrics: one JSON object a line, the means over some steps of training; see `TrainingMetrics`.
  public var metricsPath: String { "\(path)/metrics.jsonl" }
  /// The file that an interrupted run goes on from.
  public var checkpointPath: String { "\(path)/checkpoint.safetensors" }
  /// The file of the evaluation of its detections, as `bags evaluate` writes it.
  public var evaluationPath: String { "\(path)/evaluation.json" }
  /// The file of its metrics on validation images drawn with replacement; see `MetricReplicates`.
  public var replicatesPath: String { "\(path)/replicates.safetensors" }
  /// The file of its detections on validation images.
  public var resultsPath: String { "\(path)/results.json" }
  /// The file of its detections on the validation images of a comparison, as columns of tensors.
  public var detectionsPath: String { "\(path)/detections.safetensors" }
  /// The file of its detections: `results.json`, which a user asked for, before what a comparison kept; `nil` where there
  /// is neither.
  public var keptResultsPath: String? {
    [resultsPath, detectionsPath].first { FileManager.default.fileExists(atPath: $0) }
  }
  /// The folder in which the run stands until it is complete.
  public var partialPath: String { "\(path).partial" }

  /// The run that `latest` in a folder of runs points to; `nil` where there is none.
  public static func latest(in runs: String = "runs") -> RunFolder? {
    let link = "\(runs)/latest"
    guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: link) else { return nil }
    let path = target.hasPrefix("/") ? target : "\(runs)/\(target)"
    return FileManager.default.fileExists(atPath: path) ? RunFolder(at: path) : nil
  }

  /// The head file that a user means: a run's, where the path is a folder, else the file itself.
  public static func headPath(for path: String) -> String {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    return exists && isFolder.boolValue ? RunFolder(at: path).headPath : path
  }

  /// Reads `run.json`.
  ///
  /// - Throws: `FileError` if it cannot be read, `RunFolderError` if it is no run's.
  public func record() throws -> RunRecord { try RunRecord(contentsOf: recordPath) }
}

/// A run that cannot be read or written.
public struct RunFolderError: CodedError {
  /// What is wrong.
  public enum Code: String, Sendable {
    /// A file is damaged, or of something other than a run.
    case unreadable
    /// An interrupted run stands where another would begin.
    case interruptedRun
    /// There is no interrupted run to continue.
    case nothingToResume
    /// Another session writes the run.
    case inUse
  }

  /// What is wrong.
  public let code: Code
  /// One line that says what is wrong.
  public let description: String
  init(_ description: String, code: Code = .unreadable) {
    self.description = description
    self.code = code
  }
}
