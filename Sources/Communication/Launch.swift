import Foundation

/// How this process was started: alone, or with others by `mpirun` or `srun`.
public enum Launch {
  /// The variables by which Open MPI, and launchers that speak PMI, say how many processes there are and which this one is.
  private static let variables = [
    (size: "OMPI_COMM_WORLD_SIZE", rank: "OMPI_COMM_WORLD_RANK"), (size: "PMI_SIZE", rank: "PMI_RANK"),
    (size: "SLURM_STEP_NUM_TASKS", rank: "SLURM_PROCID"),
  ]

  /// The number of processes that were started together and the place of this one, by the environment; `nil` where it
  /// was started alone.
  public static func announced(
    by environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> (count: Int, rank: Int)? {
    for names in variables {
      if let count = environment[names.size].flatMap({ Int($0) }), count > 0 {
        return (count, environment[names.rank].flatMap { Int($0) } ?? 0)
      }
    }
    return nil
  }

  /// Whether this program was built with MPI.
  public static var hasMPI: Bool {
    #if MPI
    true
    #else
    false
    #endif
  }

  /// Whether MPI was started, and not left.
  public static var hasStarted: Bool {
    #if MPI
    started != nil
    #else
    false
    #endif
  }

  /// The processes that were started together; one by itself where this one was started alone. MPI is started by the
  /// first call.
  ///
  /// - Throws: ``CommunicationError``.
  public static func communicator() throws -> any Communicator {
    #if MPI
    if let started { return started }
    guard announced() != nil else { return OneProcess() }
    let communicator = try MPICommunicator()
    started = communicator
    return communicator
    #else
    return OneProcess()
    #endif
  }

  /// Leaves MPI, where it was started. Processes that end without this end all of them.
  ///
  /// - Parameter status: With what all processes are ended, since this one stops by itself; `nil` where all leave together.
  public static func end(aborting status: Int32? = nil) {
    #if MPI
    guard let communicator = started else { return }
    started = nil
    if let status { communicator.abort(status: status) } else { communicator.end() }
    #endif
  }

  #if MPI
  // Set and read by the main thread alone, as MPI asks for.
  nonisolated(unsafe) private static var started: MPICommunicator?
  #endif
}
