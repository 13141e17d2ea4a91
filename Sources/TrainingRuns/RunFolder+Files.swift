import DurableFiles
import Foundation

extension RunFolder {
  /// The file by whose lock one session at a time has a run.
  static let lockName = ".lock"
  /// What stands between a run's name and a process, while that process puts another in its place.
  static let replacedInfix = ".replaced-"

  /// Whether a run was begun here, so that it can be resumed.
  var isBegun: Bool { [recordPath, groupsPath].allSatisfy(FileManager.default.fileExists) }

  /// Takes the folder for one session.
  ///
  /// - Throws: `RunFolderError` that names the process which has it; `FileError` if the lock cannot be made.
  func lock() throws -> FileLock {
    do {
      return try FileLock(at: "\(path)/\(Self.lockName)", isRequired: false)
    } catch let error as FileLock.HeldError {
      throw RunFolderError("\(error); wait until it has finished", code: .inUse)
    }
  }

  /// Removes the folder, its lock last: nobody else begins a run in what is being removed.
  func remove() {
    let files = FileManager.default
    for name in (try? files.contentsOfDirectory(atPath: path)) ?? [] where name != Self.lockName {
      try? files.removeItem(atPath: "\(path)/\(name)")
    }
    try? files.removeItem(atPath: path)
  }

  /// Removes what processes that were killed left beside the run: an earlier run of its name, which comes back where the
  /// new one did not get its place, and a link `latest` that was not put in its place.
  func removeLeftovers() {
    let files = FileManager.default
    let url = URL(fileURLWithPath: path)
    let parent = url.deletingLastPathComponent().path
    for name in (try? files.contentsOfDirectory(atPath: parent)) ?? [] {
      let left = "\(parent)/\(name)"
      for prefix in [url.lastPathComponent + Self.replacedInfix, "latest."] where name.hasPrefix(prefix) {
        guard DurableFile.isGone(marked: name.dropFirst(prefix.count)) else { continue }
        if prefix == "latest." {
          unlink(left)
        } else if files.fileExists(atPath: path) {
          try? files.removeItem(atPath: left)
        } else {
          rename(left, path)
        }
      }
    }
  }

  /// Replaces the link `latest` in one step; where a file of that name is no link, it is left alone.
  func pointLatestHere() throws {
    let url = URL(fileURLWithPath: path)
    let link = url.deletingLastPathComponent().appendingPathComponent("latest").path
    let files = FileManager.default
    if files.fileExists(atPath: link), (try? files.destinationOfSymbolicLink(atPath: link)) == nil { return }
    let fresh = "\(link).\(DurableFile.processMark)"
    unlink(fresh)
    guard symlink(url.lastPathComponent, fresh) == 0, rename(fresh, link) == 0 else {
      throw FileError(path: link, operation: "write")
    }
  }
}
