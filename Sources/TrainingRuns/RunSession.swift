import DetectionHeads
import DurableFiles
import Foundation
import HeadLosses
import HeadTraining
import LVISDatasets

/// A run on its way: begins or continues it, trains with checkpoints, and finishes or discards it.
///
/// Until it is finished the run stands in `NAME.partial`. One session at a time has it, in whatever process.
public final class RunSession {
  /// The folder in which the run will stand.
  public let folder: RunFolder
  /// The folder in which it stands until it is finished.
  public let partial: RunFolder
  /// The record of the run, as `run.json` holds it.
  public private(set) var record: RunRecord
  /// The classes and their groups.
  public let groups: CategoryGroups
  /// The last checkpoint when the session began; `nil` where there was none.
  public let checkpoint: TrainingCheckpoint?
  /// Whether there is something to resume from.
  public private(set) var hasCheckpoint: Bool
  private let lock: FileLock
  private let metrics: FileHandle
  private let encoder = JSONEncoder()
  private var seconds = 0.0
  private var loss = 0.0
  private var lastCheckpoint = ContinuousClock.now

  private static let metricsLength = "metrics_bytes"

  /// Begins a run: makes `NAME.partial` with `run.json`, `groups.json` and an empty `metrics.jsonl`.
  ///
  /// - Parameters:
  ///   - path: Where the run will stand.
  ///   - record: What is to be done, on which data.
  ///   - groups: The classes and their groups.
  ///   - replacing: Whether an interrupted run that stands there may be removed.
  /// - Returns: The session.
  /// - Throws: `RunFolderError` if an interrupted run stands there, or another session has it; `FileError` if the folder
  ///   cannot be written.
  public static func begin(
    at path: String, record: RunRecord, groups: CategoryGroups, replacing: Bool = false
  ) throws -> RunSession {
    let folder = RunFolder(at: path)
    folder.removeLeftovers()
    let partial = RunFolder(at: folder.partialPath)
    try makeFolder(at: partial.path)
    let lock = try partial.lock()
    // Without both a run was not begun: whoever made the folder ended before.
    guard replacing || !partial.isBegun else {
      throw RunFolderError(
        "\(partial.path): an interrupted run stands there; resume it, or have it replaced", code: .interruptedRun)
    }
    do {
      for name in try FileManager.default.contentsOfDirectory(atPath: partial.path) where name != RunFolder.lockName {
        try FileManager.default.removeItem(atPath: "\(partial.path)/\(name)")
      }
      try record.write(to: partial.recordPath)
      try groups.write(to: partial.groupsPath)
      return try RunSession(folder, lock: lock, record: record, groups: groups, checkpoint: nil, metricsLength: 0)
    } catch {
      partial.remove()
      throw error
    }
  }

  /// Continues an interrupted run.
  ///
  /// - Parameter path: Where the run will stand.
  /// - Returns: The session, with the last checkpoint where there is one.
  /// - Throws: `RunFolderError` if there is no interrupted run, or another session has it; the readers' errors if its
  ///   files are damaged.
  public static func resume(_ path: String) throws -> RunSession {
    let folder = RunFolder(at: path)
    let partial = RunFolder(at: folder.partialPath)
    let files = FileManager.default
    guard partial.isBegun else {
      throw RunFolderError(
        files.fileExists(atPath: folder.recordPath)
          ? "\(path): is complete, there is nothing to resume" : "\(path): there is no interrupted run",
        code: .nothingToResume)
    }
    let lock = try partial.lock()
    DurableFile.removeLeftovers(in: partial.path)
    folder.removeLeftovers()
    let record = try partial.record()
    let groups = try CategoryGroups(contentsOf: partial.groupsPath)
    guard files.fileExists(atPath: partial.checkpointPath) else {
      return try RunSession(folder, lock: lock, record: record, groups: groups, checkpoint: nil, metricsLength: 0)
    }
    let (checkpoint, metadata) = try TrainingCheckpoint.read(from: partial.checkpointPath)
    return try RunSession(
      folder, lock: lock, record: record, groups: groups, checkpoint: checkpoint,
      metricsLength: metadata[metricsLength].flatMap { Int($0) } ?? 0)
  }

  private init(
    _ folder: RunFolder, lock: FileLock, record: RunRecord, groups: CategoryGroups, checkpoint: TrainingCheckpoint?,
    metricsLength: Int
  ) throws {
    self.folder = folder
    partial = RunFolder(at: folder.partialPath)
    self.lock = lock
    self.record = record
    self.groups = groups
    self.checkpoint = checkpoint
    hasCheckpoint = checkpoint != nil
    // Without a checkpoint there is nothing to go on with.
    if checkpoint == nil { TemporaryFiles.add(folder.partialPath) }
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let files = FileManager.default
    if !files.fileExists(atPath: partial.metricsPath) {
      _ = files.createFile(atPath: partial.metricsPath, contents: nil)
    }
    guard let handle = FileHandle(forWritingAtPath: partial.metricsPath) else {
      throw FileError(path: partial.metricsPath, operation: "write")
    }
    metrics = handle
    // Lines written after the checkpoint will be written again.
    try metrics.truncate(atOffset: min(UInt64(max(0, metricsLength)), try metrics.seekToEnd()))
  }

  deinit { TemporaryFiles.remove(partial.path) }

  /// Puts a fresh trainer where the run was when it was interrupted; leaves it as it is where there is no checkpoint.
  ///
  /// - Throws: `TrainingError.foreignCheckpoint` if the checkpoint is of another training.
  public func restore(_ trainer: HeadTrainer) throws {
    guard let checkpoint else { return }
    try trainer.restore(checkpoint)
    // How long it took until then is in its lines of metrics.
    var step = 0
    for line in try partial.metrics() where line.roisPerSecond > 0 {
      seconds += Double(line.step - step) * trainer.meanBatchCount / line.roisPerSecond
      step = line.step
    }
  }

  /// Trains up to a step, with lines of metrics and checkpoints.
  ///
  /// A training that diverged is discarded, as is one that stopped before its first checkpoint; any other that stops can
  /// be resumed.
  ///
  /// - Parameters:
  ///   - trainer: The run's trainer.
  ///   - hooks: What else happens meanwhile; checkpoints are saved in any case.
  ///   - end: The step to stop after; `nil` for the whole training.
  /// - Throws: What training, reading and writing throw; `TrainingError` if the loss is no number any more, or training
  ///   was interrupted.
  public func train(_ trainer: HeadTrainer, _ hooks: TrainingHooks = TrainingHooks(), upTo end: Int? = nil) throws {
    var own = hooks
    own.report = { line in
      try self.append(line)
      try hooks.report(line)
    }
    own.saveCheckpoint = { checkpoint in
      try self.save(checkpoint)
      try hooks.saveCheckpoint?(checkpoint)
    }
    do {
      loss = try timed { try trainer.run(own, upTo: end) }
      // Trainers that run in turns take fewer steps at a time than there are between checkpoints.
      if trainer.stepsTaken < trainer.stepCount, ContinuousClock.now - lastCheckpoint >= hooks.checkpointInterval {
        try save(trainer.checkpoint())
      }
    } catch TrainingError.diverged(let step) {
      discard()
      throw TrainingError.diverged(step: step)
    } catch {
      if !hasCheckpoint { discard() }
      throw error
    }
  }

  /// Does some of the run's work, whose time counts as the run's.
  public func timed<Value>(_ work: () throws -> Value) rethrows -> Value {
    let start = ContinuousClock.now
    defer { seconds += (ContinuousClock.now - start) / .seconds(1) }
    return try work()
  }

  /// Saves a checkpoint.
  ///
  /// - Throws: `FileError` if it cannot be written; the last one then stays as it is.
  public func save(_ checkpoint: TrainingCheckpoint) throws {
    do {
      try metrics.synchronize()
      let length = try metrics.offset()
      try checkpoint.write(to: partial.checkpointPath, metadata: [Self.metricsLength: "\(length)"])
    } catch {
      throw error is FileError
        ? error : FileError(path: partial.metricsPath, operation: "write", code: error.systemCode)
    }
    hasCheckpoint = true
    TemporaryFiles.remove(partial.path)
    lastCheckpoint = .now
  }

  private func append(_ line: TrainingMetrics) throws {
    do {
      try metrics.write(contentsOf: try encoder.encode(line) + Data("\n".utf8))
    } catch {
      throw FileError(path: partial.metricsPath, operation: "write", code: error.systemCode)
    }
  }

  /// Writes the head and the result, gives the folder its name and lets `latest` point to it.
  ///
  /// A run that stood there is replaced; it is removed only when the new one stands.
  ///
  /// - Parameters:
  ///   - head: The run's head.
  ///   - boxRegressor: The box regressor beside it; `nil` for none.
  ///   - boxBranch: The regression branch of a dense head beside it; `nil` for none.
  ///   - steps: The steps taken; 0 where nothing was trained.
  /// - Returns: What came of the run, as its record has it.
  /// - Throws: `FileError` if something cannot be written; the partial run then stays where it is.
  @discardableResult
  public func finish(
    _ head: LinearHead, boxRegressor: BoxRegressor? = nil, boxBranch: BoxBranch? = nil, steps: Int = 0
  ) throws -> RunRecord.Result {
    let result = RunRecord.Result(seconds: seconds, steps: steps, loss: loss)
    record.result = result
    try head.write(to: partial.headPath, boxRegressor: boxRegressor, boxBranch: boxBranch)
    try record.write(to: partial.recordPath)
    try metrics.close()
    TemporaryFiles.remove(partial.path)
    let replaced = "\(folder.path)\(RunFolder.replacedInfix)\(DurableFile.processMark)"
    let hadOne = rename(folder.path, replaced) == 0
    guard rename(partial.path, folder.path) == 0 else {
      let error = FileError(path: folder.path, operation: "write")
      if hadOne { rename(replaced, folder.path) }
      throw error
    }
    unlink("\(folder.path)/\(RunFolder.lockName)")
    if hadOne { try? FileManager.default.removeItem(atPath: replaced) }
    try folder.pointLatestHere()
    return result
  }

  /// Removes what was written so far.
  public func discard() {
    hasCheckpoint = false
    partial.remove()
    TemporaryFiles.remove(partial.path)
  }
}
