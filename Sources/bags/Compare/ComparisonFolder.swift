import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// The folder of a comparison: `README.md`, `comparison.json`, `comparison.csv`, `curves.csv`, figures with their data, `runs`, `trials`.
struct ComparisonFolder {
  let path: String

  init(at path: String) {
    var path = path
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    self.path = path
  }

  private var document: String { ComparisonDocument.path(in: path) }

  /// Makes the folder, or goes on with the comparison that stands there.
  ///
  /// - Throws: `CommandFailure` where something else stands there.
  func open() throws {
    let files = FileManager.default
    var isFolder: ObjCBool = false
    if files.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder.boolValue else { throw CommandFailure("\(path): is a file; choose another --output") }
      let names = try files.contentsOfDirectory(atPath: path)
      // Another process may have made the folder this very moment.
      for _ in 0..<20 where !names.isEmpty && !isComparison { Thread.sleep(forTimeInterval: 0.05) }
      guard names.isEmpty || isComparison else {
        throw CommandFailure("\(path): holds something other than a comparison; choose another --output")
      }
    }
    try makeFolder(at: path)
    // By this the folder is known again if the program is killed before there are results.
    if !isComparison {
      try DurableFile.write("{\n  \"format\" : \"\(ComparisonDocument.formatName)\"\n}\n", to: document)
    }
  }

  private var isComparison: Bool {
    guard let data = FileManager.default.contents(atPath: document) else { return false }
    struct Mark: Decodable { let format: String }
    return (try? JSONDecoder().decode(Mark.self, from: data))?.format == ComparisonDocument.formatName
  }

  /// Runs `body` while no other process writes the table, and waits for one that does.
  func withLock<Result>(_ body: () throws -> Result) throws -> Result {
    while true {
      do {
        let lock = try FileLock(at: "\(path)/.lock", isRequired: false)
        return try withExtendedLifetime(lock) { try body() }
      } catch is FileLock.HeldError {
        Thread.sleep(forTimeInterval: 0.05)
      }
    }
  }

  /// Writes everything but runs and trials.
  func write(_ report: ComparisonReport, text: String, imageFormat: ImageFormat) throws {
    try DurableFile.write(report.csv, to: "\(path)/comparison.csv")
    try DurableFile.write(report.curves.csv, to: "\(path)/curves.csv")
    if report.document.methods.contains(where: { !$0.metrics.isEmpty }) {
      try imageFormat.write(report.table.scores.chart.rendered(), to: "\(path)/ap.\(imageFormat.rawValue)")
    }
    if let norms = report.norms, let shown = report.shownNorms {
      let left = norms.heads.count - shown.heads.count
      let source = left > 0 ? "The first method and the best of the others by AP; the rest is in weightnorms.csv." : ""
      try imageFormat.write(
        shown.chart(source: source).rendered(), to: "\(path)/weightnorms.\(imageFormat.rawValue)")
      try DurableFile.write(norms.csv, to: "\(path)/weightnorms.csv")
    }
    try DurableFile.write(text, to: "\(path)/README.md")
    try report.document.write(inFolder: path)
  }
}
