import Foundation
import TestSupport
import Testing

@Suite struct HelpTests {
  /// Every command, as the program's own help lists them.
  private func commands() throws -> [[String]] {
    func inner(_ words: [String]) throws -> [[String]] {
      let help = try runBags(words + ["--help"]).output
      guard let start = help.range(of: "SUBCOMMANDS:\n") else { return [words] }
      let lines = help[start.upperBound...].split(separator: "\n", omittingEmptySubsequences: false)
      let names = lines.prefix { $0.hasPrefix("  ") }.filter { !$0.hasPrefix("   ") }
        .compactMap { $0.split(separator: " ").first.map(String.init) }
      return try [words] + names.flatMap { try inner(words + [$0]) }
    }
    return try inner([])
  }

  @Test func everyCommandExplainsItselfWithExamples() throws {
    let commands = try commands()
    #expect(commands.count >= 14, "\(commands)")
    for words in commands where !words.isEmpty {
      let run = try runBags(words + ["--help"], environment: ["COLUMNS": "100"])
      #expect(run.status == 0 && run.error.isEmpty)
      #expect(run.output.hasPrefix("OVERVIEW: ") && run.output.contains("EXAMPLES"), "\(words)")
      #expect(run.output.contains("USAGE: bags \(words.joined(separator: " "))"), "\(words)")
      #expect(run.output.contains("  bags \(words.joined(separator: " "))"), "no example of \(words)")
    }
  }

  @Test(arguments: ["bash", "zsh", "fish"])
  func completionsKnowTheCommands(shell: String) throws {
    let run = try runBags(["--generate-completion-script", shell])
    #expect(run.status == 0)
    for word in ["weightnorms", "images-per-batch", "seesaw"] { #expect(run.output.contains(word), "\(word)") }
  }
}
