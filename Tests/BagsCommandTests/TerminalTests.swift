import Foundation
import TestSupport
import Testing

/// What a terminal shows, by `script`, which makes one.
@Suite(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script"), "needs /usr/bin/script"))
struct TerminalTests {
  /// What `bags` writes to a terminal of some columns, both streams in one.
  private func shown(_ words: String, columns: Int, setting variables: String, in folder: String) throws -> String {
    let line = "stty cols \(columns); env -u NO_COLOR \(variables) '\(bagsPath)' \(words)"
    return try runShell("script -qec \"\(line)\" /dev/null", in: folder).output
  }

  @Test(arguments: [("TERM=xterm", true), ("TERM=xterm NO_COLOR=1", false), ("TERM=dumb", false)])
  func coloursAreForTerminalsThatWantThem(variables: String, isColored: Bool) throws {
    try withTemporaryFolder { folder in
      let text = try shown("methods", columns: 120, setting: variables, in: folder)
      #expect(text.contains("\u{1B}[1m") == isColored)
      #expect(text.contains("balanced-softmax"))
    }
  }

  @Test(arguments: [40, 100])
  func progressKeepsToTheWidth(columns: Int) throws {
    try withTemporaryFolder { folder in
      let text = try shown("train --epochs 20 --output a", columns: columns, setting: "TERM=xterm", in: folder)
      let drawn = text.components(separatedBy: "\r\u{1B}[K").dropFirst().map { $0.prefix { $0 != "\r" && $0 != "\n" } }
      let lines = drawn.filter { $0.hasPrefix("epoch") }
      #expect(!lines.isEmpty && lines.allSatisfy { $0.count < columns })
      #expect(lines.allSatisfy { $0.contains("━") || $0.contains("╌") } == (columns >= 61))
      #expect(lines.contains { $0.contains(" %") })
    }
  }

  @Test func nothingIsDrawnWhereItIsPiped() throws {
    try withTemporaryFolder { folder in
      let run = try runBags(["train", "--epochs", "20", "--output", "a"], in: folder, environment: ["TERM": "xterm"])
      #expect(!run.error.contains("\u{1B}") && !run.error.contains("\r") && !run.output.contains("\u{1B}"))
    }
  }
}
