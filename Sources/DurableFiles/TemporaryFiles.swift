import Foundation
import Synchronization

/// The files and folders that this process has begun and would remove again, by which one that is interrupted leaves
/// nothing half-written.
package enum TemporaryFiles {
  private static let paths = Mutex<Set<String>>([])

  /// Notes a file or folder that is of no use to anybody yet; to be called before it is made.
  package static func add(_ path: String) { paths.withLock { _ = $0.insert(path) } }

  /// Forgets one that is gone, or that may stay.
  package static func remove(_ path: String) { paths.withLock { _ = $0.remove(path) } }

  /// Gives a file its name, and forgets it.
  ///
  /// - Returns: What `rename` returns.
  static func rename(_ path: String, to name: String) -> Int32 {
    paths.withLock {
      $0.remove(path)
      return Foundation.rename(path, name)
    }
  }

  /// Removes all of them and ends the process; nothing gets its name meanwhile.
  package static func endProcess(status: Int32) -> Never {
    paths.withLock { paths in
      // Other threads go on meanwhile, and one may just be making such a folder: so once more, a moment later.
      for pass in 0..<4 {
        if pass > 0 { usleep(3000) }
        for path in paths.sorted() { try? FileManager.default.removeItem(atPath: path) }
      }
      _exit(status)
    }
  }

  /// Runs `body` with an empty folder that is removed afterwards.
  ///
  /// - Throws: `FileError` if it cannot be made; what `body` throws.
  package static func withFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("bags-\(UUID().uuidString)").path
    add(folder)
    defer {
      try? FileManager.default.removeItem(atPath: folder)
      remove(folder)
    }
    try makeFolder(at: folder)
    return try body(folder)
  }
}
