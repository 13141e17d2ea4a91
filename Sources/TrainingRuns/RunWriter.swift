import DetectionHeads
import DurableFiles
import Foundation
import HeadTraining
import LVISDatasets

/// Writes a run as it is trained, and puts it under its name when it is complete.
public final class RunWriter {
  /// Where the run will stand.
  public let folder: RunFolder
  /// Where it stands until then.
  public let partial: RunFolder
  /// Whether there is something to resume from.
  public private(set) var hasCheckpoint: Bool
  private var record: RunRecord
  private let metrics: FileHandle
  private let encoder = JSONEncoder()

  private static let metricsLength = "metrics_bytes"

  /// Begins a run: makes `NAME.partial` with `run.json` and `groups.json`.
  ///
  /// - Parameters:
  ///   - path: Where the run will stand.
  ///   - record: Its settings.
  ///   - groups: Its classes.
  ///   - replacing: Whether an interrupted run that stands there may be removed.
  /// - Throws: `FileError` if the folder cannot be written; `RunFolderError` if an interrupted run stands there.
  public convenience init(at path: String, record: RunRecord, groups: CategoryGroups, replacing: Bool = false) throws {
    let partial = RunFolder(at: RunFolder(at: path).partialPath)
    let files = FileManager.default
    if files.fileExists(atPath: partial.path) {
      guard replacing else {
        throw RunFolderError(
          "\(partial.path): an interrupted run; go on with `bags train --resume \(path)`, or replace it with --overwrite"
        )
      }
      try files.removeItem(atPath: partial.path)
    }
    try makeFolder(at: partial.path)
    guard files.createFile(atPath: partial.metricsPath, contents: nil) else {
      throw FileError(path: partial.metricsPath, operation: "write")
    }
    try groups.write(to: partial.groupsPath)
    try self.init(at: path, record: record, metricsLength: 0, hasCheckpoint: false)
    try writeRecord()
  }

  /// Goes on with an interrupted run.
  ///
  /// - Parameter path: Where the run will stand.
  /// - Returns: Its writer, its settings, its classes and its last checkpoint; `nil` for the last if it had none yet.
  /// - Throws: `RunFolderError` if there is none to go on with; the readers' errors if its files are damaged.
  public static func resuming(
    _ path: String
  ) throws -> (writer: RunWriter, record: RunRecord, groups: CategoryGroups, checkpoint: TrainingCheckpoint?) {
    let partial = RunFolder(at: RunFolder(at: path).partialPath)
    let files = FileManager.default
    guard files.fileExists(atPath: partial.recordPath) else {
      let isComplete = files.fileExists(atPath: RunFolder(at: path).recordPath)
      throw RunFolderError(
        isComplete ? "\(path): is complete, there is nothing to resume" : "\(path): there is no interrupted run")
    }
    let record = try partial.record()
    if let calibration = record.calibration {
      throw RunFolderError(
        "\(partial.path): is of `bags calibrate --method \(calibration.name)`, which does not go on but begins anew; "
          + "give that command again, with --overwrite")
    }
    let groups = try CategoryGroups(contentsOf: partial.groupsPath)
    var checkpoint: TrainingCheckpoint?
    var length = 0
    if files.fileExists(atPath: partial.checkpointPath) {
      let read = try TrainingCheckpoint.read(from: partial.checkpointPath)
      checkpoint = read.checkpoint
      length = read.metadata[metricsLength].flatMap { Int($0) } ?? 0
    }
    let writer = try RunWriter(at: path, record: record, metricsLength: length, hasCheckpoint: checkpoint != nil)
    return (writer, record, groups, checkpoint)
  }

  private init(at path: String, record: RunRecord, metricsLength: Int, hasCheckpoint: Bool) throws {
    folder = RunFolder(at: path)
    partial = RunFolder(at: folder.partialPath)
    self.record = record
    self.hasCheckpoint = hasCheckpoint
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    guard let handle = FileHandle(forWritingAtPath: partial.metricsPath) else {
      throw FileError(path: partial.metricsPath, operation: "write")
    }
    metrics = handle
    // Lines written after the checkpoint will be written again.
    try metrics.truncate(atOffset: min(UInt64(max(0, metricsLength)), try metrics.seekToEnd()))
  }

  /// Appends a line to `metrics.jsonl`.
  ///
  /// - Throws: `FileError` if it cannot be written.
  public func append(_ line: TrainingMetrics) throws {
    do {
      try metrics.write(contentsOf: try encoder.encode(line) + Data("\n".utf8))
    } catch {
      throw FileError(path: partial.metricsPath, operation: "write", code: error.systemCode)
    }
  }

  /// Replaces `checkpoint.safetensors`.
  ///
  /// - Throws: `FileError` if it cannot be written; the last one then stays as it is.
  public func save(_ checkpoint: TrainingCheckpoint) throws {
    do {
      try metrics.synchronize()
      let length = try metrics.offset()
      try checkpoint.write(to: partial.checkpointPath, metadata: [Self.metricsLength: "\(length)"])
    } catch let error as FileError {
      throw error
    } catch {
      throw FileError(path: partial.metricsPath, operation: "write", code: error.systemCode)
    }
    hasCheckpoint = true
  }

  /// Writes the head and the result, gives the folder its name and lets `latest` point to it.
  ///
  /// A run that stood there is replaced; it is removed only when the new one stands.
  ///
  /// - Throws: `FileError` if something cannot be written; the partial run then stays where it is.
  public func complete(head: LinearHead, boxRegressor: BoxRegressor? = nil, result: RunRecord.Result) throws {
    record.result = result
    try head.write(to: partial.headPath, boxRegressor: boxRegressor)
    try writeRecord()
    try metrics.close()
    let replaced = "\(folder.path).replaced-\(getpid())"
    let hadOne = rename(folder.path, replaced) == 0
    guard rename(partial.path, folder.path) == 0 else {
      let error = FileError(path: folder.path, operation: "write")
      if hadOne { rename(replaced, folder.path) }
      throw error
    }
    if hadOne { try? FileManager.default.removeItem(atPath: replaced) }
    try pointLatestHere()
  }

  /// Removes what was written so far.
  public func discard() { try? FileManager.default.removeItem(atPath: partial.path) }

  private func writeRecord() throws {
    let pretty = JSONEncoder()
    pretty.keyEncodingStrategy = .convertToSnakeCase
    pretty.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    try DurableFile.write(try pretty.encode(record) + Data("\n".utf8), to: partial.recordPath)
  }

  /// Replaces the link `latest` in one step; where a file of that name is no link, it is left alone.
  private func pointLatestHere() throws {
    let url = URL(fileURLWithPath: folder.path)
    let link = url.deletingLastPathComponent().appendingPathComponent("latest").path
    let files = FileManager.default
    if files.fileExists(atPath: link), (try? files.destinationOfSymbolicLink(atPath: link)) == nil { return }
    let fresh = "\(link).\(getpid())"
    unlink(fresh)
    guard symlink(url.lastPathComponent, fresh) == 0, rename(fresh, link) == 0 else {
      throw FileError(path: link, operation: "write")
    }
  }
}
