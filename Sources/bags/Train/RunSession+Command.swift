import BalancedGroupSoftmax

extension RunRecord {
  /// The command that makes such runs.
  var commandName: String { calibration == nil ? "train" : "calibrate" }
}

extension RunSession {
  /// Begins a run that a command was asked for.
  ///
  /// - Throws: `CommandFailure` that says how to go on where an interrupted run stands there; what beginning it throws.
  static func begin(
    _ record: RunRecord, groups: CategoryGroups, at path: String, overwriting: OverwriteOptions
  ) throws -> RunSession {
    do {
      return try begin(at: path, record: record, groups: groups, replacing: overwriting.overwrite)
    } catch let error as RunFolderError where error.code == .interruptedRun {
      let partial = RunFolder(at: RunFolder(at: path).partialPath)
      let name = (try? partial.record().commandName) ?? record.commandName
      throw CommandFailure(
        "\(partial.path): an interrupted run; go on with `bags \(name) --resume \(path)`, or replace it with --overwrite"
      )
    }
  }

  /// Goes on with a run that a command was asked for, by its name or that of its partial folder.
  ///
  /// - Parameters:
  ///   - named: What was typed.
  ///   - command: The command that goes on with it.
  /// - Throws: `CommandFailure` where the run is another command's; what resuming throws.
  static func resume(named: String, by command: String) throws -> RunSession {
    let session = try resume(named.hasSuffix(".partial") ? String(named.dropLast(8)) : named)
    guard session.record.commandName == command else {
      throw CommandFailure(
        "\(session.partial.path): is a run of `bags \(session.record.commandName)`; go on with "
          + "`bags \(session.record.commandName) --resume \(session.folder.path)`")
    }
    return session
  }

  /// An error with the command that goes on with the run, where it can be resumed.
  func adding(resumptionTo error: any Error) -> any Error {
    hasCheckpoint
      ? CommandFailure("\(error); go on with `bags \(record.commandName) --resume \(folder.path)`") : error
  }
}
