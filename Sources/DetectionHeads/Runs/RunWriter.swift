import DurableFiles
import Foundation

/// Writes a run as it is trained, and puts it under its name when it is complete.
public final class RunWriter {
  /// Where the run will stand.
  public let folder: RunFolder
  private var record: RunRecord
  private let metrics: FileHandle
  private let encoder = JSONEncoder()
  private let partial: RunFolder

  /// Makes `NAME.partial` with `run.json` and `groups.json`; what an earlier attempt left there is removed.
  ///
  /// - Parameters:
  ///   - path: Where the run will stand.
  ///   - record: Its settings.
  ///   - groups: Its classes.
  /// - Throws: `FileError` or Foundation's error if the folder cannot be written.
  public init(at path: String, record: RunRecord, groups: CategoryGroups) throws {
    folder = RunFolder(at: path)
    partial = RunFolder(at: folder.partialPath)
    self.record = record
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let files = FileManager.default
    if files.fileExists(atPath: partial.path) { try files.removeItem(atPath: partial.path) }
    do {
      try files.createDirectory(atPath: partial.path, withIntermediateDirectories: true)
    } catch {
      throw FileError(path: partial.path, operation: "make the folder", code: error.systemCode)
    }
    try groups.write(to: partial.groupsPath)
    guard files.createFile(atPath: partial.metricsPath, contents: nil),
      let handle = FileHandle(forWritingAtPath: partial.metricsPath)
    else { throw FileError(path: partial.metricsPath, operation: "write") }
    metrics = handle
    try writeRecord()
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

  /// Writes the head and the result, gives the folder its name and lets `latest` point to it.
  ///
  /// A run that stood there is replaced; it is removed only when the new one stands.
  ///
  /// - Throws: `FileError` if something cannot be written; the partial run then stays where it is.
  public func complete(head: LinearHead, result: RunRecord.Result) throws {
    record.result = result
    try head.write(to: partial.headPath)
    try writeRecord()
    try metrics.synchronize()
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

extension Error {
  /// The system's error number behind Foundation's error, or EIO where there is none.
  var systemCode: Int32 {
    let error = self as NSError
    if let underlying = error.userInfo[NSUnderlyingErrorKey] as? NSError, underlying.domain == NSPOSIXErrorDomain {
      return Int32(clamping: underlying.code)
    }
    return error.domain == NSPOSIXErrorDomain ? Int32(clamping: error.code) : EIO
  }
}
