import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// The folder of a demo's report: `README.md`, `report.html`, `metrics.json`, the figures `weightnorms` and `ap`, `data`, `runs`.
struct DemoFolder {
  let path: String

  init(at path: String) {
    var path = path
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    self.path = path
  }

  var readme: String { "\(path)/README.md" }
  var page: String { "\(path)/report.html" }
  var metrics: String { "\(path)/metrics.json" }
  var weightNorms: String { "\(path)/weightnorms" }
  var averagePrecision: String { "\(path)/ap" }
  var data: String { "\(path)/data" }
  var runs: String { "\(path)/runs" }

  var trainingFeatures: String { "\(data)/\(SyntheticDetectionSet.FileName.trainingFeatures)" }
  var trainingAnnotations: String { "\(data)/\(SyntheticDetectionSet.FileName.trainingAnnotations)" }
  var validationFeatures: String { "\(data)/\(SyntheticDetectionSet.FileName.validationFeatures)" }
  var validationAnnotations: String { "\(data)/\(SyntheticDetectionSet.FileName.validationAnnotations)" }

  func run(_ name: String) -> RunFolder { RunFolder(at: "\(runs)/\(name)") }

  /// - Throws: `CommandFailure` where something other than an earlier demo's report stands here and may not be
  ///   overwritten.
  func check(overwriting: Bool) throws {
    let files = FileManager.default
    var isFolder: ObjCBool = false
    guard files.fileExists(atPath: path, isDirectory: &isFolder) else { return }
    guard isFolder.boolValue else { throw CommandFailure("\(path): is a file; choose another --output") }
    if overwriting || isDemo { return }
    let names = (try? files.contentsOfDirectory(atPath: path)) ?? []
    guard names.isEmpty else {
      throw CommandFailure(
        "\(path): holds something other than a demo's report; choose another --output, or let --overwrite replace "
          + "what the report needs there")
    }
  }

  private var isDemo: Bool {
    guard let data = FileManager.default.contents(atPath: metrics) else { return false }
    return (try? JSONDecoder().decode(DemoMetrics.Mark.self, from: data))?.format == DemoMetrics.formatName
  }

  /// An empty folder beside this one, to make the report in; what a demo that was killed left there is removed.
  func stage() throws -> DemoFolder {
    let staging = DemoFolder(at: path + ".partial")
    staging.remove()
    TemporaryFiles.add(staging.path)
    try makeFolder(at: staging.runs)
    return staging
  }

  func remove() {
    try? FileManager.default.removeItem(atPath: path)
    TemporaryFiles.remove(path)
  }

  /// Moves everything here from where it was made; files of other names stay.
  func replace(by staging: DemoFolder) throws {
    // What is moved here half is of use.
    TemporaryFiles.remove(staging.path)
    let files = FileManager.default
    if !files.fileExists(atPath: path) {
      guard rename(staging.path, path) == 0 else { throw FileError(path: path, operation: "write") }
      return
    }
    for name in try files.contentsOfDirectory(atPath: staging.path).sorted() {
      let place = "\(path)/\(name)"
      if files.fileExists(atPath: place) { try files.removeItem(atPath: place) }
      guard rename("\(staging.path)/\(name)", place) == 0 else { throw FileError(path: place, operation: "write") }
    }
    staging.remove()
  }
}
