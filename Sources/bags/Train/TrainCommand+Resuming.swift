import BalancedGroupSoftmax
import Communication
import Foundation

extension TrainCommand {
  func resume(_ name: String, ranks: any Communicator) throws {
    // The first process has the run; the others look at what stands there when it has opened it.
    let session = try Ranks.agreed { try ranks.rank > 0 ? nil : RunSession.resume(named: name, by: "train") }
    let trainer = try Ranks.agreed { try resumed(name, session: session, ranks: ranks) }
    StandardStreams.note("\(name): going on after step \(grouped(trainer.stepsTaken))")
    try train(trainer, in: session, ranks: ranks) {
      try session?.record.tensorboard.map {
        try TrainingEvents(in: $0, ofRunAt: session?.folder.path ?? name, resumingAfter: trainer.stepsTaken)
      }
    }
  }

  /// The trainer of a run that was begun, where the run was.
  private func resumed(_ name: String, session: RunSession?, ranks: any Communicator) throws -> HeadTrainer {
    let begun =
      try session.map { InterruptedRun(record: $0.record, groups: $0.groups, checkpoint: $0.checkpoint) }
      ?? InterruptedRun(named: name)
    guard let recipe = begun.record.recipe else { throw CommandFailure("\(name): its record has no recipe") }
    if ranks.count > 1, recipe.settings.shards == nil {
      throw CommandFailure("\(name): was begun without --shards; it goes on in one process alone")
    }
    let paths = TrainingInputPaths(of: begun.record)
    if let session { try paths.check(areThoseOf: session) }
    let data = try paths.load(grouping: begun.groups)
    let heads = try paths.prerequisiteHeads(for: recipe, groups: data.groups)
    let trainer = try trainer(recipe, data: data, heads: heads, paths: paths)
    try trainer.share(among: ranks)
    if let session {
      try session.restore(trainer)
    } else if let checkpoint = begun.checkpoint {
      try trainer.restore(checkpoint)
    }
    return trainer
  }
}

/// What another process's session goes on with.
private struct InterruptedRun {
  let record: RunRecord
  let groups: CategoryGroups
  let checkpoint: TrainingCheckpoint?

  init(record: RunRecord, groups: CategoryGroups, checkpoint: TrainingCheckpoint?) {
    (self.record, self.groups, self.checkpoint) = (record, groups, checkpoint)
  }

  /// Reads it beside that session.
  init(named name: String) throws {
    let path = name.hasSuffix(".partial") ? name : RunFolder(at: name).partialPath
    let folder = RunFolder(at: path)
    let hasCheckpoint = FileManager.default.fileExists(atPath: folder.checkpointPath)
    self.init(
      record: try folder.record(), groups: try CategoryGroups(contentsOf: folder.groupsPath),
      checkpoint: try hasCheckpoint ? TrainingCheckpoint.read(from: folder.checkpointPath).checkpoint : nil)
  }
}
