import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// `bags report`: figures and tables of what was trained.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Show what training did: one page, or single figures with their data.",
    discussion: """
      EXAMPLES
        bags report                                  a page on the latest run
        bags report runs/softmax runs/bags           a page that compares two
        bags report head.safetensors                 a page on a head of no run
        bags report weightnorms                      one figure and its data
      """,
    subcommands: [
      ReportPageCommand.self, ReportWeightNormsCommand.self, ReportTrainingCommand.self, ReportAPCommand.self,
      ReportGroupsCommand.self,
    ], defaultSubcommand: ReportPageCommand.self)

  /// What to say to one who named no run: perhaps a figure was meant.
  static func hint(for word: String) -> String {
    let names = configuration.subcommands.map { $0._commandName }
    if let name = closest(to: word, among: names) { return "; did you mean `bags report \(name)`?" }
    return "; the figures are \(names.filter { $0 != "page" }.joined(separator: ", "))"
  }
}

extension ImageFormat: ExpressibleByArgument {}

/// The path and the image format of a figure.
struct FigureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The folder to write to; it is made where it does not exist.", valueName: "dir"),
    completion: .directory)
  var output: String?

  @Option(help: "What the figure is written as. PNG and PDF need rsvg-convert (Debian: librsvg2-bin).")
  var imageFormat: ImageFormat = .svg

  @OptionGroup var overwriting: OverwriteOptions

  /// Writes a figure and its data beside each other.
  ///
  /// - Parameters:
  ///   - chart: The figure.
  ///   - csv: Its data.
  ///   - name: What both files are called, without their extensions.
  ///   - run: The one run that they are about: they go into its folder unless the user said otherwise. What was drawn
  ///     of a run there before is made anew without asking, as nothing but the run is in it.
  ///   - folder: Where they go where there is no such run.
  /// - Returns: The paths of both.
  func write(
    _ chart: Chart, csv: String, named name: String, inRun run: String? = nil, defaultFolder folder: String
  ) throws -> FigurePaths {
    let isDerived = output == nil && run != nil
    let folder = output ?? run ?? folder
    let paths = FigurePaths(figure: "\(folder)/\(name).\(imageFormat.rawValue)", data: "\(folder)/\(name).csv")
    if !isDerived {
      try overwriting.check(paths.figure)
      try overwriting.check(paths.data)
    }
    try imageFormat.checkAvailability()
    try makeFolder(at: folder)
    try imageFormat.write(chart.rendered(), to: paths.figure)
    try DurableFile.write(csv, to: paths.data)
    return paths
  }
}

/// The paths of a figure and its data.
struct FigurePaths: Encodable {
  let figure: String
  let data: String

  /// Two lines for the terminal.
  var lines: String { "figure  \(figure)\ndata    \(data)" }
}
