import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// How a command prints its result.
struct FormatOptions: ParsableArguments {
  enum Format: String, ExpressibleByArgument, CaseIterable { case table, json }

  @Option(help: "How to print the result: a table, or one JSON object and nothing else on standard output.")
  var format: Format = .table

  var isJSON: Bool { format == .json }
}

/// Prints one JSON object, keys in snake_case and in a fixed order.
func printJSON(_ value: some Encodable) throws { StandardStreams.result(try JSONDocument.text(value)) }

/// What happens where an output already exists.
struct OverwriteOptions: ParsableArguments {
  @Flag(help: "Replace an output that exists.")
  var overwrite = false

  /// - Parameters:
  ///   - path: What is to be written.
  ///   - option: The option that says where.
  ///   - contents: What stands there, where that helps to choose.
  /// - Throws: `CommandFailure` where `path` exists and may not be replaced.
  func check(_ path: String, option: String = "--output", contents: String? = nil) throws {
    var status = stat()
    guard !overwrite, stat(path, &status) == 0 else { return }
    // Nothing is lost where it is a device or a pipe.
    if [S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT) {
      let remark = contents.map { " (it holds \($0))" } ?? ""
      throw CommandFailure("\(path): exists; give --overwrite to replace it, or another \(option)\(remark)")
    }
  }
}
