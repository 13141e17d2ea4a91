import Foundation
import Testing

/// The library speaks of its API, never of the command's options: a Swift user has none. What they mend is said in
/// `Sources/bags/CommandLine/Remedies.swift`.
@Test func theLibraryNamesNoOptionOfTheCommand() throws {
  let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  let sources = root.appendingPathComponent("Sources").path
  let files = try FileManager.default.subpathsOfDirectory(atPath: sources).filter { path in
    path.hasSuffix(".swift") && !path.hasSuffix(".pb.swift") && !path.hasPrefix("bags/")
  }
  #expect(files.contains("HeadLosses/Objectives/TrainingError.swift"))
  for path in files {
    let lines = try String(contentsOfFile: "\(sources)/\(path)", encoding: .utf8).split(separator: "\n")
    // One line holds options of another program, which makes PNG and PDF.
    for line in lines where line.contains(/--[a-z]/) && !line.contains("process.arguments") {
      Issue.record("\(path) names an option: \(line)")
    }
  }
}
