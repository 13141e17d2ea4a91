import Foundation

/// Names for results that are shown side by side: what stands in a run's folder goes by the run's name, everything else
/// by its file's.
///
/// Runs keep their detections under the same name, `results.json`: alone it tells nothing apart.
public struct ResultNames: Sendable, Equatable {
  /// A name for each path, in the same order; the paths themselves where names would be the same.
  public let names: [String]

  /// Names results.
  ///
  /// - Parameter paths: Files, or runs; `runs/latest` is called what it points to.
  public init(_ paths: [String]) {
    let names = paths.map(Self.name)
    let isUnique = Set(names).count == names.count
    self.names = isUnique ? names : paths
  }

  private static func name(of path: String) -> String {
    let url = URL(fileURLWithPath: path).resolvingSymlinksInPath()
    let folder = url.deletingLastPathComponent()
    let isInRun = FileManager.default.fileExists(atPath: RunFolder(at: folder.path).recordPath)
    return isInRun ? folder.lastPathComponent : url.lastPathComponent
  }
}
