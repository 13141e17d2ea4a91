import ArgumentParser
import DurableFiles
import Foundation
import Reporting

/// `bags report`: figures and tables of what was trained.
struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Draws what training did to a classifier.",
    subcommands: [
      ReportWeightNormsCommand.self, ReportTrainingCommand.self, ReportAPCommand.self, ReportGroupsCommand.self,
    ])
}

extension ImageFormat: ExpressibleByArgument {}

/// Where a figure goes and as what.
struct FigureOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The folder to write to; it is made where it does not exist.", valueName: "dir"))
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
  ///   - folder: Where they go unless the user said otherwise.
  /// - Returns: The paths of both.
  func write(_ chart: Chart, csv: String, named name: String, defaultFolder folder: String) throws -> FigurePaths {
    let folder = output ?? folder
    let paths = FigurePaths(figure: "\(folder)/\(name).\(imageFormat.rawValue)", data: "\(folder)/\(name).csv")
    try overwriting.check(paths.figure)
    try overwriting.check(paths.data)
    try imageFormat.checkAvailability()
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw CommandFailure("\(folder): cannot make this folder; check the permissions or choose another --output")
    }
    try imageFormat.write(chart.rendered(), to: paths.figure)
    try DurableFile.write(csv, to: paths.data)
    return paths
  }
}

/// Where a figure and its data were written.
struct FigurePaths: Encodable {
  let figure: String
  let data: String

  /// Two lines for the terminal.
  var lines: String { "figure  \(figure)\ndata    \(data)" }
}
