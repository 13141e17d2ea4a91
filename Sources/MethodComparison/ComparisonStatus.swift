import DurableFiles
import Foundation
import TrainingRuns

/// What is done of a comparison, what is being done and by whom, and what is left, read from its folder while other
/// processes work there.
public struct ComparisonStatus: Encodable, Sendable {
  /// How far a run is.
  public enum State: String, Encodable, Sendable, CaseIterable {
    /// Trained and scored.
    case done
    /// A process works at it.
    case running
    /// It was begun, and nobody works at it; whoever is free goes on with it.
    case interrupted
    /// Its training failed.
    case failed
    /// Nobody has begun it.
    case left
  }

  /// A process that works at something.
  public struct Worker: Encodable, Sendable {
    /// The name of its host.
    public let host: String
    /// Its number there.
    public let process: Int32
    /// When it began, in ISO 8601.
    public let since: String

    init(_ holder: LockHolder) {
      host = holder.host
      process = holder.process
      since = holder.since.formatted(.iso8601)
    }
  }

  /// A method with a seed.
  public struct Run: Encodable, Sendable {
    /// The method as it was asked for.
    public let method: String
    /// The seed.
    public let seed: UInt64
    /// How far it is.
    public let state: State
    /// Who works at it; `nil` where nobody does.
    public let worker: Worker?
    /// Why it failed; `nil` where it did not.
    public let failure: String?
  }

  /// All runs, those that others need before those that need them.
  public let runs: [Run]
  /// The trials, of tuning or of a race, that are finished. How many there will be is decided on the way.
  public let trialCount: Int
  /// Who works at a trial.
  public let trialWorkers: [Worker]

  /// Reads the state of a comparison.
  ///
  /// - Parameter folder: Its folder.
  /// - Throws: `ComparisonError` where no comparison stands there, or none was begun yet.
  public init(ofFolder folder: String) throws {
    let files = FileManager.default
    func names(_ part: String) -> [String] {
      ((try? files.contentsOfDirectory(atPath: "\(folder)/\(part)")) ?? []).sorted()
    }
    let trials = names("trials")
    guard let cells = ComparisonPlan(inFolder: folder)?.cells ?? (trials.isEmpty ? nil : []) else {
      throw ComparisonError(.noComparison, "\(folder): no comparison was begun there")
    }
    let claims = WorkClaims(at: "\(folder)/claims")
    runs = cells.map { cell in
      var (state, worker, failure): (State, Worker?, String?) = (.left, nil, nil)
      if let name = cell.run {
        let run = RunFolder(at: "\(folder)/runs/\(name)")
        failure = claims.failure(of: name)
        worker = claims.holder(of: name).map(Worker.init)
        if worker != nil {
          state = .running
        } else if [run.headPath, run.evaluationPath].allSatisfy(files.fileExists) {
          state = .done
        } else if failure != nil {
          state = .failed
        } else if files.fileExists(atPath: run.partialPath) || files.fileExists(atPath: run.headPath) {
          state = .interrupted
        }
      }
      return Run(method: cell.method, seed: cell.seed, state: state, worker: worker, failure: failure)
    }
    trialCount = trials.count { $0.hasSuffix(".json") }
    let trialClaims = WorkClaims(at: "\(folder)/trials")
    trialWorkers = Set(trials.compactMap(WorkClaims.pieceName)).sorted().compactMap {
      trialClaims.holder(of: $0).map(Worker.init)
    }
  }

  /// The number of runs that are so far.
  public func count(_ state: State) -> Int { runs.count { $0.state == state } }
}

extension WorkClaims {
  /// The piece that a file of this folder is about the holder of; `nil` for another file.
  static func pieceName(ofFile name: String) -> String? {
    [lockSuffix, shareSuffix].first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) }
  }

  /// Who works at a piece now; `nil` where nobody does.
  ///
  /// Of a process on another host that locks nothing it is not known whether it goes on.
  func holder(of name: String) -> LockHolder? {
    if let holder = FileLock.holder(of: "\(path)/\(name)\(Self.lockSuffix)") { return holder }
    guard let holder = LockHolder(namedAt: "\(path)/\(name)\(Self.shareSuffix)") else { return nil }
    return holder.host == LockHolder.thisHost && DurableFile.isGone(holder.process) ? nil : holder
  }
}
