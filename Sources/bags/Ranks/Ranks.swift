import BalancedGroupSoftmax
import Communication
import Foundation

/// The processes that `mpirun` or `srun` started this command in.
enum Ranks {
  /// Whether all processes stop for the same reason, so that each may end by itself.
  nonisolated(unsafe) private static var stopTogether = false

  /// Joins the processes that were started together; the first of them speaks for all from now on.
  ///
  /// - Throws: `CommandFailure` on the first process of a program that was built without MPI, which would do the same work
  ///   several times; what MPI says.
  static func joined() throws -> any Communicator {
    if !Launch.hasMPI {
      try refuseCompany(
        "this program was built without MPI: each would do the same work; build it with "
          + "`swift build -c release --traits MPI`")
    }
    let ranks = try Launch.communicator()
    StandardStreams.isMuted = ranks.rank > 0
    return ranks
  }

  /// Refuses to do the same work in several processes.
  ///
  /// - Parameter reason: Why they cannot share it.
  /// - Throws: `CommandFailure` on the first process; the others end.
  static func refuseCompany(_ reason: String) throws {
    guard let (count, rank) = Launch.announced(), count > 1 else { return }
    // Launchers end all processes when one of them fails: the first one speaks before.
    guard rank == 0 else { Foundation.exit(0) }
    throw CommandFailure(
      "\(count) processes were started together, and \(reason), or start one process (without OMPI_COMM_WORLD_SIZE and "
        + "PMI_SIZE in its environment)")
  }

  /// The shards that batches are cut into unless the user says how many: some where MPI started the program, be it in one
  /// process, so that the number of processes decides nothing.
  static var defaultShards: Int? { Launch.hasMPI && Launch.announced() != nil ? 16 : nil }

  /// Does a process's own part of the work; where that fails anywhere, all processes stop.
  static func agreed<Value>(_ body: () throws -> Value) throws -> Value {
    let ranks = try joined()
    guard ranks.count > 1 else { return try body() }
    return try together {
      try ranks.agreed {
        do { return try body() } catch { throw plainError(error) }
      }
    }
  }

  /// Notes where work fails for a reason that all processes know.
  static func together<Value>(_ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch {
      if error is AgreedError || error is TrainingError { stopTogether = true }
      throw error
    }
  }

  /// Leaves MPI behind a command that is done, or that all processes stop with.
  static func leave() { Launch.end() }

  /// Leaves MPI behind a command that failed: where this process fails by itself, the others are ended.
  ///
  /// - Parameters:
  ///   - message: Why the command ends.
  ///   - status: The status to end with.
  static func leave(after message: String, status: Int32) {
    guard !stopTogether, let rank = Launch.announced()?.rank, Launch.announced()?.count != 1, Launch.hasStarted else {
      return Launch.end()
    }
    StandardStreams.isMuted = false
    StandardStreams.note("Error: \(message)" + (rank > 0 ? " (process \(rank))" : ""))
    Launch.end(aborting: status)
  }
}
