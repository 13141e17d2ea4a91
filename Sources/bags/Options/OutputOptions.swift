import ArgumentParser
import BalancedGroupSoftmax
import DurableFiles
import Foundation

/// The format in which a command prints its result.
struct FormatOptions: ParsableArguments {
  enum Format: String, ExpressibleByArgument, CaseIterable { case table, json }

  @Option(help: "How to print the result: a table, or one JSON object and nothing else on standard output.")
  var format: Format = .table

  var isJSON: Bool { format == .json }
}

/// The format in which a command prints tables that a paper may show.
struct TableFormatOptions: ParsableArguments {
  enum Format: String, ExpressibleByArgument, CaseIterable { case table, json, latex }

  @Option(
    help:
      "How to print the result: a table, one JSON object and nothing else on standard output, or LaTeX tables for \\usepackage{booktabs}."
  )
  var format: Format = .table

  var isJSON: Bool { format == .json }

  /// Prints sections as tables for a terminal, or as LaTeX.
  func show(_ sections: [ResultSection]) {
    if format == .latex {
      StandardStreams.result("% needs \\usepackage{booktabs}\n" + sections.map(\.latex).joined(separator: "\n\n"))
    } else {
      StandardStreams.result(sections.map { $0.rendered() }.joined(separator: "\n\n"))
    }
  }
}

/// A piece of a command's result: a table, or words.
enum ResultSection {
  /// A table, what stands above it on a terminal, and what a paper says above it.
  case table(TextTable, title: String? = nil, caption: String)
  /// Words, which are a comment in LaTeX.
  case text(String)

  func rendered() -> String {
    switch self {
    case .table(let table, let title, _): (title.map { "\($0)\n" } ?? "") + table.rendered()
    case .text(let text): text
    }
  }

  var latex: String {
    switch self {
    case .table(let table, _, let caption): table.latex(caption: caption)
    case .text(let text): text.split(separator: "\n").map { "% \($0)" }.joined(separator: "\n")
    }
  }
}

/// Prints one JSON object, keys in snake_case and in a fixed order.
func printJSON(_ value: some Encodable) throws { StandardStreams.result(try JSONDocument.text(value)) }

/// Whether an output that exists is replaced.
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
