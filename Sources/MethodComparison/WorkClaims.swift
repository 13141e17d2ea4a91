import DurableFiles
import Foundation
import HeadLosses

/// Divides pieces of work among the processes that share a folder, on one machine or on several: who holds the lock of a
/// piece works at it.
///
/// The locks are advisory ones of the system (see ``FileLock``), which file systems of clusters pass on; they end with
/// the process that holds them, so that the work of one that was killed is free again. Where work is divided beforehand
/// (``WorkShare``) there are no locks. What came of a piece is kept by the piece itself; here is kept only why one
/// failed, so that no other process tries it again.
struct WorkClaims {
  /// The folder of the locks; made with the first of them.
  let path: String
  /// The part of the work that is this process's; `nil` to take what is free.
  let share: WorkShare?

  /// A piece of work that nobody else works at, until it is released.
  struct Claim {
    /// `nil` where work is divided beforehand.
    fileprivate let lock: FileLock?
    fileprivate let path: String

    /// Lets another process have the piece, and removes the file that names its holder.
    func release() { withExtendedLifetime(lock) { _ = unlink(path) } }
  }

  init(at path: String, share: WorkShare? = nil) {
    self.path = path
    self.share = share
  }

  /// Claims a piece; `nil` where another process has it. Whoever gets it must look again whether it was done meanwhile.
  ///
  /// - Parameters:
  ///   - name: The piece.
  ///   - isMine: Whether the piece is this process's where work is divided beforehand.
  /// - Throws: `FileError` if the lock cannot be made.
  func claim(_ name: String, isMine: Bool = true) throws -> Claim? {
    try makeFolder(at: path)
    if share != nil {
      guard isMine else { return nil }
      let file = "\(path)/\(name)\(Self.shareSuffix)"
      try DurableFile.write(LockHolder().text, to: file)
      return Claim(lock: nil, path: file)
    }
    let file = "\(path)/\(name)\(Self.lockSuffix)"
    do {
      return Claim(lock: try FileLock(at: file), path: file)
    } catch is FileLock.HeldError {
      return nil
    }
  }

  /// Why a piece failed; `nil` where it did not, so far.
  func failure(of name: String) -> String? {
    FileManager.default.contents(atPath: failurePath(name)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// Keeps why a piece failed.
  ///
  /// - Throws: `FileError`.
  func fail(_ name: String, _ reason: String) throws {
    try makeFolder(at: path)
    try DurableFile.write(reason, to: failurePath(name))
  }

  private func failurePath(_ name: String) -> String { "\(path)/\(name).failed" }

  /// What the name of a lock's file ends in.
  static let lockSuffix = ".lock"
  /// What the name of a file ends in that names who works at a piece, where work is divided beforehand.
  static let shareSuffix = ".part"

  /// Waits a little for other processes.
  ///
  /// - Throws: `TrainingError.interrupted` where the user asks for it.
  static func wait(_ hooks: ComparisonHooks) throws {
    if hooks.isInterrupted() { throw TrainingError.interrupted(step: 0) }
    Thread.sleep(forTimeInterval: 0.2)
  }
}

/// A piece of work that another process has.
struct WorkTakenError: Error {}
