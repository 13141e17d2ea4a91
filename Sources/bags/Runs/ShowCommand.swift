import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show a run: its settings, groups, losses, scores and files.",
    discussion: """
      EXAMPLES
        bags show
        bags show runs/baseline
        bags show runs/baseline --format json
      """)

  @Argument(
    help: .init("A run, complete or interrupted; the latest where none is named.", valueName: "run"),
    completion: .directory)
  var named: String?

  @OptionGroup var format: FormatOptions

  func run() throws {
    let overview = try RunOverview(at: path())
    guard let record = overview.record else {
      throw CommandFailure(overview.faults.first ?? "\(overview.path): no run")
    }
    for fault in overview.faults { StandardStreams.warn(fault) }
    let details = try RunDetails(overview, record: record)
    if format.isJSON {
      try printJSON(details)
    } else {
      StandardStreams.result(details.text)
    }
  }

  /// The folder of the run that was meant; an interrupted one may go by the name that it will have.
  private func path() throws -> String {
    guard let run = named else { return try RunFolder.latestOrFail().path }
    let files = FileManager.default
    let trimmed = run.count > 1 && run.hasSuffix("/") ? String(run.dropLast()) : run
    if files.fileExists(atPath: RunFolder(at: trimmed).recordPath) { return trimmed }
    let partial = RunFolder(at: trimmed).partialPath
    if files.fileExists(atPath: partial) { return partial }
    if files.fileExists(atPath: trimmed) {
      throw CommandFailure("\(trimmed): is no run: it holds no run.json")
    }
    let folder = parentFolder(of: trimmed)
    let names = (try? RunOverview.all(in: folder.isEmpty ? "." : folder).map(\.name)) ?? []
    let hint = closest(to: (trimmed as NSString).lastPathComponent, among: names).map { "; did you mean \($0)?" }
    throw CommandFailure("\(trimmed): no such run\(hint ?? "; `bags runs` lists those in runs")")
  }
}
